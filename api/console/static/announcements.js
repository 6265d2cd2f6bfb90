// The page of devices that announced themselves: who they are, and buttons to take them in or turn them away.

import { answer, called } from "./answer.js";
import { Failure, call } from "./calls.js";
import { byId, h } from "./dom.js";
import { listenForKeys } from "./keys.js";
import { toggleTheme } from "./prefs.js";
import { has, onLanguage, t, time, toggleLanguage, translatePage } from "./words.js";

const LOOK_MS = 10_000; // somebody stands beside the device, and waits to see it appear
const PAGE = 50;
const MOST = 500; // that the API gives at once
const SIGNALS = 6; // named in the list

const mayAnswer = document.body.dataset.role === "admin";
let limit = PAGE;
let page = null; // as the API answered; null until then
let reason = null;
let asked = 0; // number of the last question: an answer to an earlier one is of no interest

function draw() {
  const key = document.activeElement?.dataset.key;
  document.title = `${t("announced.title")} · ${t("name")}`;
  byId("trouble").textContent = reason === null ? "" : has(`why.${reason}`) ? t(`why.${reason}`) : reason;
  if (page === null) return;
  const heads = ["device", "profile", "kind", "signals", "first", "last", "answer"];
  byId("list-head").replaceChildren(h("tr", {}, heads.map((name) => h("th", { scope: "col" }, t(`announced.${name}`)))));
  const rows = page.announcements.map(row);
  byId("list").replaceChildren(
    ...(rows.length ? rows : [h("tr", {}, h("td", { class: "nothing", colspan: heads.length }, t("announced.none")))]),
  );
  byId("more").hidden = page.next === null || limit >= MOST;
  // The list is drawn anew every few seconds: a person's place in it must stay.
  if (key !== undefined) byId("list").querySelector(`[data-key="${key}"]`)?.focus();
}

function row(found) {
  const { signals } = found;
  const more = signals.length > SIGNALS ? t("announced.signals.more", { n: signals.length - SIGNALS }) : "";
  return h(
    "tr",
    {},
    h("td", {}, h("strong", {}, called(found)), quiet(found.model), found.name ? quiet(found.address) : null),
    h("td", {}, found.profile),
    h("td", {}, found.kind === null ? t("announced.kind.untold") : t(`device.${found.kind}`)),
    h("td", { title: signals.join(", ") }, signals.slice(0, SIGNALS).join(", "), quiet(more)),
    h("td", {}, time(found.first_seen)),
    h("td", {}, time(found.last_seen)),
    h("td", { class: "answers" }, answered(found), buttons(found)),
  );
}

function quiet(text) {
  return text ? h("span", { class: "quiet" }, text) : null;
}

function answered(found) {
  const by = found.decided_by === null ? "" : t("event.by", { actor: found.decided_by });
  return [
    found.state === "waiting" ? null : h("span", {}, t(`announced.state.${found.state}`)),
    quiet([by, found.decided_at === null ? "" : time(found.decided_at)].filter(Boolean).join(", ")),
    quiet(found.reason),
    found.device === null ? null : h("a", { class: "quiet", href: `/devices/${encodeURIComponent(found.device)}` }, t("announced.in_estate", { device: found.device })),
  ];
}

function buttons(found) {
  if (!mayAnswer) return [];
  const verbs = [
    found.device === null ? "approve" : null,
    found.state === "waiting" || (found.state === "approved" && found.device === null) ? "reject" : null,
  ];
  return verbs.filter(Boolean).map((verb) => {
    const label = `${t(`announced.${verb}`)} ${called(found)}`;
    const button = h("button", { type: "button", "data-key": `${found.id}.${verb}`, "aria-label": label }, t(`announced.${verb}`));
    button.addEventListener("click", () => answer(verb, found, () => settle(verb, found)));
    return button;
  });
}

/** Say what was done, and go on with whoever comes next in the list. */
async function settle(verb, found) {
  const at = page.announcements.findIndex((one) => one.id === found.id);
  byId("said").textContent = t(`announced.done.${verb}`, { device: called(found) });
  await look();
  const next = byId("list").rows[Math.min(Math.max(at, 0), byId("list").rows.length - 1)];
  (next?.querySelector("button") ?? byId("state")).focus();
}

async function look() {
  const number = ++asked;
  try {
    const found = await call(`/announcements?state=${byId("state").value}&limit=${limit}`);
    if (number !== asked) return;
    page = found;
    reason = null;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    reason = error.reason;
  }
  draw();
}

async function watch() {
  for (;;) {
    // Not behind a question: the button that asked it must be there when it is closed.
    if (document.querySelector("dialog[open]") === null) await look();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Go to the first answer of the next or previous row. */
function move(by) {
  const rows = [...byId("list").rows].filter((one) => one.querySelector("button"));
  const at = rows.findIndex((one) => one.contains(document.activeElement));
  const next = at === -1 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1);
  rows[next]?.querySelector("button").focus();
}

byId("state").addEventListener("change", () => {
  limit = PAGE;
  look();
});
byId("more").addEventListener("click", () => {
  limit = Math.min(limit + PAGE, MOST);
  look();
});
byId("language").addEventListener("click", toggleLanguage);
byId("theme").addEventListener("click", toggleTheme);
listenForKeys({
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  l: toggleLanguage,
  t: toggleTheme,
});
onLanguage(draw);
translatePage();
draw();
watch();
