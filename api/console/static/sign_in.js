// The sign-in page.

import { Failure, call } from "./calls.js";
import { byId } from "./dom.js";
import { toggleTheme } from "./prefs.js";
import { has, onLanguage, t, toggleLanguage, translatePage } from "./words.js";

let reason = null;

function draw() {
  translatePage();
  document.title = `${t("sign_in.title")} · ${t("name")}`;
  byId("trouble").textContent = reason === null ? "" : has(`why.${reason}`) ? t(`why.${reason}`) : reason;
}

byId("language").addEventListener("click", toggleLanguage);
byId("theme").addEventListener("click", toggleTheme);
onLanguage(draw);
byId("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("go").disabled = true;
  try {
    const body = { name: byId("name").value.trim(), password: byId("password").value };
    await call("/session", { method: "POST", body, signIn: false });
    location.replace("/");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    reason = error.reason;
    draw();
    byId("password").select();
  } finally {
    byId("go").disabled = false;
  }
});
draw();
