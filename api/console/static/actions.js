// A person's answer: asked once more with what is at stake in view, then sent, and the outcome said.

import { Failure, call } from "./calls.js";
import * as say from "./describe.js";
import { byId, h, shape } from "./dom.js";
import { hindrance } from "./panel.js";
import { has, t } from "./words.js";

const dialog = byId("act");
const form = dialog.querySelector("form");
let current = null; // {action, alert, done}

/**
 * Ask for confirmation, then act.
 *
 * @param {"acknowledge"|"reset"} action
 * @param {object} alert as it was shown: an acknowledgement answers that, nothing worse that hides behind it
 * @param {string} role of the person
 * @param {{find: (id: string) => object, done: (alert: object) => void, tell: (text: string) => void}} page
 */
export function ask(action, alert, role, page) {
  const why = hindrance(action, alert, role);
  if (why !== null) {
    page.tell(t(`why.${why}`));
    return;
  }
  current = { action, alert, page };
  form.reset();
  draw("");
  dialog.showModal();
  byId("act-note").focus();
}

function draw(trouble) {
  const { action, alert } = current;
  byId("act-title").textContent = t(`act.${action}.title`);
  byId("act-what").replaceChildren(
    h("span", { class: `badge severity-${alert.highest}` }, shape(alert.highest), h("span", {}, t(`severity.${alert.highest}`))),
    h("strong", {}, say.title(alert)),
    h("span", {}, `${say.place(alert)} › ${say.address(alert)}`),
  );
  byId("act-go").textContent = t(`act.${action}`);
  byId("act-trouble").textContent = trouble;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { action, alert, page } = current;
  const body = { note: byId("act-note").value.trim() || null };
  if (action === "acknowledge") body.seen = alert.highest;
  byId("act-go").disabled = true;
  try {
    const now = await call(`/alerts/${encodeURIComponent(alert.id)}/${action}`, { method: "POST", body });
    dialog.close();
    page.done(now);
    page.tell(t(`act.done.${action === "acknowledge" ? "acknowledged" : "reset"}`, { title: say.title(now) }));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    current.alert = page.find(alert.id) ?? alert; // show what it has become meanwhile
    draw(has(`why.${error.reason}`) ? t(`why.${error.reason}`) : error.message);
  } finally {
    byId("act-go").disabled = false;
  }
});

byId("act-cancel").addEventListener("click", () => dialog.close());
