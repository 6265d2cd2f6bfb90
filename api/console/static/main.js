// The console: joins the live line, the list, the panel and the keyboard.

import "./account.js";
import { ask } from "./actions.js";
import { call } from "./calls.js";
import * as say from "./describe.js";
import { byId, setText } from "./dom.js";
import { follow } from "./feed.js";
import { listenForKeys } from "./keys.js";
import { drawNewcomers, watchNewcomers } from "./newcomers.js";
import { Panel } from "./panel.js";
import { toggleTheme } from "./prefs.js";
import { Rows } from "./rows.js";
import { Gong } from "./sound.js";
import { drawStatus, setLine, watchHealth } from "./status.js";
import { SHOWN, Store } from "./store.js";
import { onLanguage, serverNow, setServerTime, t, toggleLanguage, translatePage } from "./words.js";

const role = document.body.dataset.role;
const store = new Store();
const gong = new Gong();
const filter = byId("filter");
const rows = new Rows(byId("list"), show, open);
const panel = new Panel(byId("panel"), role, act);
let listed = [];
let shown = null; // the alert in the panel; stays there, closed, until another is chosen
let due = null;

/** Draw soon; many events at once are drawn once. */
function redraw() {
  due ??= setTimeout(() => {
    due = null;
    draw();
  }, 20);
}

function draw() {
  listed = store.listed(filter.value, say.searchable);
  rows.draw(listed);
  const { life, unanswered, open: all } = store.counts();
  for (const [id, n] of Object.entries({ life, unanswered, open: all })) {
    setText(byId(`count-${id}`), t(`count.${id}`, { n }));
    byId(`count-${id}`).dataset.any = String(n > 0);
  }
  document.title = (unanswered > 0 ? `(${unanswered}) ` : "") + t("name");
  byId("empty").hidden = listed.length > 0;
  setText(byId("empty-title"), filter.value ? t("empty.filtered") : t("empty.title"));
  setText(byId("empty-text"), filter.value ? "" : t("empty.text"));
  const more = byId("more");
  more.hidden = listed.length <= SHOWN && store.complete;
  setText(more, t(store.complete ? "more" : "more.unknown", { shown: Math.min(listed.length, SHOWN), all: listed.length }));
  gong.tell(life, false);
}

function show(id) {
  shown = id === null ? shown : (store.alerts.get(id) ?? shown);
  const related = [...store.alerts.values()].filter((a) => a.incident === shown?.incident).length;
  panel.show(shown, related);
}

function open() {
  document.body.dataset.panel = "open"; // on a small screen the panel covers the list
}

function close() {
  if (document.activeElement === filter) filter.blur();
  delete document.body.dataset.panel;
  if (shown !== null) rows.select(shown.id);
}

function act(action) {
  if (action === "close") close();
  else if (shown !== null) ask(action, shown, role, { find: (id) => store.alerts.get(id), done: take, tell });
}

/** Say something to the person: on the screen for a while, and to a screen reader. */
function tell(text) {
  const note = byId("said");
  note.textContent = text;
  note.dataset.fresh = "yes";
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => delete note.dataset.fresh, 5_000);
}

/** Take in an alert as it is now. */
function take(alert) {
  store.put(alert);
  if (shown?.id === alert.id) {
    shown = alert;
    show(null);
  }
  redraw();
}

function onEvent({ event, alert }) {
  if (alert === null) return;
  take(alert);
  if (alert.category !== "life" || !["raised", "escalated"].includes(event.event) || alert.acknowledged) return;
  const severity = t(`severity.${alert.highest}`);
  byId("announce").textContent = t("announce.life", { severity, title: say.title(alert), place: `${say.place(alert)} ${say.address(alert)}` });
  gong.tell(store.counts().life, true);
}

async function reload() {
  say.setRules((await call("/rules")).rules);
  const number = await store.reload();
  if (shown !== null) show(shown.id);
  draw();
  return number;
}

function drawAll() {
  setText(byId("sound-word"), t(gong.on ? "sound.on" : "sound.off"));
  byId("sound").setAttribute("aria-pressed", String(gong.on));
  drawStatus();
  drawNewcomers();
  draw();
  panel.draw();
}

const commands = {
  language: toggleLanguage,
  theme: toggleTheme,
  sound: () => {
    gong.toggle();
    drawAll();
  },
  help: () => byId("help").showModal(),
};
for (const [name, command] of Object.entries(commands)) byId(name === "help" ? "help-open" : name).addEventListener("click", command);
byId("help-close").addEventListener("click", () => byId("help").close());
filter.addEventListener("input", redraw);
onLanguage(drawAll);
listenForKeys({
  j: () => rows.move(1),
  k: () => rows.move(-1),
  ArrowDown: () => rows.move(1),
  ArrowUp: () => rows.move(-1),
  Home: () => rows.move(-Infinity),
  End: () => rows.move(Infinity),
  a: () => act("acknowledge"),
  r: () => act("reset"),
  e: evidence,
  d: () => byId("panel").querySelector("[data-past]")?.click(),
  Enter: evidence,
  Escape: close,
  "/": () => filter.focus(),
  l: commands.language,
  t: commands.theme,
  "?": commands.help,
});

function evidence() {
  if (shown === null) return;
  open();
  const details = byId("panel").querySelector("details");
  details.open = true;
  details.querySelector("summary").focus();
}

translatePage();
drawAll();
setInterval(() => {
  rows.age(listed);
  setText(byId("clock"), new Date(serverNow()).toTimeString().slice(0, 5));
  gong.tell(store.counts().life, false);
}, 1_000);
watchHealth();
watchNewcomers();
follow({ reload, onEvent, onState: setLine, onTime: setServerTime });
