// The page of one device: what it measured and reported over time, with its alerts.

import { call } from "./calls.js";
import { ChartCard } from "./chart_card.js";
import { drawAlertRows } from "./device_alerts.js";
import { setRules } from "./describe.js";
import { byId, setText } from "./dom.js";
import { readHistory, readLast, whyNot } from "./history.js";
import { listenForKeys } from "./keys.js";
import { toggleTheme } from "./prefs.js";
import { RANGES, Span } from "./range.js";
import { charts } from "./signals.js";
import { has, onLanguage, serverNow, setServerTime, span, t, time, toggleLanguage, translatePage } from "./words.js";

const LOOK_MS = 30_000;
const MOST_ALERTS = 100;

const device = document.body.dataset.device;
const range = new Span(ask);
let cards = [];
let known = null; // what the estate says of the device; null: not asked yet, or nothing
let alerts = null; // null: they cannot be read
let reason = "past.loading"; // the text that stands above the charts; null: none
let width = null; // of a point, ms
let asked = 0; // number of the last question: an answer to an earlier one is of no interest
let looking = null;

/** Ask for everything that is in the range; again after a while. */
async function ask() {
  const number = ++asked;
  clearTimeout(looking);
  looking = setTimeout(() => (document.hidden ? (looking = setTimeout(ask, LOOK_MS)) : ask()), LOOK_MS);
  drawRange();
  const { start, end } = range.now(serverNow());
  const [about, raised, last] = await Promise.allSettled([aboutDevice(), raisedAlerts(), readLast(device)]);
  if (number !== asked) return;
  known = about.status === "fulfilled" ? about.value : known;
  alerts = raised.status === "fulfilled" ? raised.value : null;
  if (last.status === "rejected") return tell(whyNot(last.reason));
  arrange(Object.keys(last.value));
  if (cards.length === 0) return tell("past.empty");
  try {
    const signals = cards.flatMap((card) => card.signals);
    const answer = await readHistory(device, signals, start, end, cards[0].place.clientWidth || innerWidth);
    if (number !== asked) return;
    const around = { start, end, now: serverNow(), alerts: alerts ?? [] };
    for (const card of cards) card.show(answer, around, last.value);
    width = Math.max(0, ...answer.series.map((series) => series.width));
    tell(answer.series.length === 0 ? "past.empty.range" : null);
  } catch (error) {
    if (number === asked) tell(whyNot(error));
  }
}

async function aboutDevice() {
  return known ?? (await call(`/devices/${encodeURIComponent(device)}`));
}

async function raisedAlerts() {
  setRules((await call("/rules")).rules);
  const found = await call(`/alerts?${new URLSearchParams({ device, limit: MOST_ALERTS })}`);
  return found.alerts;
}

/** One card for each chart; they stay as long as the device reports the same. */
function arrange(signals) {
  const wanted = charts(signals);
  if (JSON.stringify(wanted) === JSON.stringify(cards.map(({ group, signals: own }) => ({ group, signals: own })))) return;
  for (const card of cards) card.close();
  cards = wanted.map((what) => new ChartCard(what, { onZoom: (start, end) => range.choose(start, end), onBack: () => range.back() }));
  byId("charts").replaceChildren(...cards.map((card) => card.node));
}

function tell(key) {
  reason = key;
  draw();
}

function draw() {
  const name = known?.name || (known ? t(`device.${known.kind}`) : "");
  setText(byId("device"), [name, device].filter(Boolean).join(" "));
  document.title = `${name || device} · ${t("name")}`;
  const { place = [], address = "", household_name: household = "" } = known?.where ?? {};
  const way = [place.map((step) => step.name).join(" › "), [address, household].filter(Boolean).join(" · ")];
  setText(byId("where"), known ? way.filter(Boolean).join(" › ") : reason === "past.loading" ? "" : t("past.not_in_estate"));
  setText(byId("state"), reason === null ? "" : t(reason));
  for (const card of cards) card.draw();
  drawRange();
  drawAlertRows(alerts, range.now(serverNow()), MOST_ALERTS);
}

function drawRange() {
  const { start, end, name } = range.now(serverNow());
  for (const button of document.querySelectorAll("[data-range]")) {
    button.setAttribute("aria-pressed", String(button.dataset.range === name));
  }
  byId("back").disabled = !range.mayGoBack;
  const point = width === null ? "" : width === 0 ? t("past.width.raw") : t("past.width", { span: span(width) });
  setText(byId("span"), `${time(start)} – ${time(end)}. ${point}`);
}

const commands = {
  earlier: () => range.move(-0.5),
  later: () => range.move(0.5),
  in: () => range.scale(0.5),
  out: () => range.scale(2),
  back: () => range.back(),
  language: toggleLanguage,
  theme: () => {
    toggleTheme();
    draw();
  },
};
for (const [id, command] of Object.entries(commands)) byId(id).addEventListener("click", command);
for (const button of document.querySelectorAll("[data-range]")) {
  button.addEventListener("click", () => range.name(button.dataset.range));
}
listenForKeys({
  ...Object.fromEntries(RANGES.map(([name], at) => [String(at + 1), () => range.name(name)])),
  "+": commands.in,
  "=": commands.in, // where + needs Shift
  "-": commands.out,
  ArrowLeft: commands.earlier,
  ArrowRight: commands.later,
  Escape: commands.back,
  l: toggleLanguage,
  t: commands.theme,
});
onLanguage(draw);
translatePage();
draw();
ask();
