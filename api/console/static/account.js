// The account's own corner: sign out, change the password.

import { Failure, call, toSignIn } from "./calls.js";
import { byId } from "./dom.js";
import { has, t } from "./words.js";

const dialog = byId("account");
const form = byId("password-form");

byId("account-open").addEventListener("click", () => {
  form.reset();
  byId("account-said").textContent = "";
  dialog.showModal();
});
byId("account-close").addEventListener("click", () => dialog.close());
byId("sign-out").addEventListener("click", async () => {
  await call("/session", { method: "DELETE" });
  toSignIn();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = byId("account-said");
  try {
    const body = { old: byId("password-old").value, new: byId("password-new").value };
    await call("/accounts/me/password", { method: "POST", body, signIn: false });
    form.reset();
    said.textContent = t("account.saved");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    said.textContent = has(`why.${error.reason}`) ? t(`why.${error.reason}`) : error.message;
  }
});
