// Texts and formats in the present language.

import en from "./texts/en.js";
import zh from "./texts/zh.js";
import { remember } from "./prefs.js";

const TEXTS = { en, zh };
const LOCALES = { en: "en-GB", zh: "zh-CN" };
const listeners = new Set();
let skew = 0; // server's clock minus ours, ms

export const language = () => (document.documentElement.lang in TEXTS ? document.documentElement.lang : "en");

/** The text of `key` with `{name}` replaced by `values.name`; the key itself if there is no such text. */
export function t(key, values = {}) {
  const text = TEXTS[language()][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Whether there is a text of this key. */
export const has = (key) => key in TEXTS[language()];

/** Call `listener` whenever the language changes. */
export function onLanguage(listener) {
  listeners.add(listener);
}

export function toggleLanguage() {
  document.documentElement.lang = language() === "en" ? "zh" : "en";
  remember("language", language());
  translatePage();
  for (const listener of listeners) listener();
}

/** Fill in every `data-t` (text), `data-t-label` (aria-label and tooltip) and `data-t-hint` (placeholder). */
export function translatePage(root = document) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
    node.title = t(node.dataset.tLabel);
  }
  for (const node of root.querySelectorAll("[data-t-hint]")) node.placeholder = t(node.dataset.tHint);
}

/** Ages are counted by the server's clock: that of a control room's screen may be minutes off. */
export function setServerTime(now) {
  skew = now - Date.now();
}

export const serverNow = () => Date.now() + skew;

/** A span in ms in words: `42 s`, `7 min`, `2 h 5 min`, `3 d 4 h`. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return t("span.s", { n: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t("span.min", { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return t("span.h", { n: hours, m: minutes % 60 });
  return t("span.d", { n: Math.floor(hours / 24), m: hours % 24 });
}

/** Clock time; with the date if it is not of today, and the year if it is not of this one. */
export function time(ms) {
  const moment = new Date(ms);
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
  const today = new Date(serverNow());
  if (moment.toDateString() !== today.toDateString()) Object.assign(options, { month: "short", day: "numeric" });
  if (moment.getFullYear() !== today.getFullYear()) options.year = "numeric";
  return moment.toLocaleString(LOCALES[language()], options);
}

/** A mark of a time axis; the date where a day begins. `step` is the distance of the marks, ms. */
export function axisTime(ms, before, step) {
  const moment = new Date(ms);
  const day = before === undefined || new Date(before).toDateString() !== moment.toDateString();
  const locale = LOCALES[language()];
  const date = moment.toLocaleDateString(locale, { month: "short", day: "numeric" });
  if (step >= 86_400_000 * 0.9) return date;
  const clock = { hour: "2-digit", minute: "2-digit", hour12: false, ...(step < 60_000 ? { second: "2-digit" } : {}) };
  return (day ? `${date}\n` : "") + moment.toLocaleTimeString(locale, clock);
}

/** A mark of a value axis, as precise as the distance of the marks asks for. */
export function axisValue(value, step) {
  const digits = step > 0 ? Math.min(Math.max(Math.ceil(-Math.log10(step)) + 1, 0), 6) : 2;
  return value.toLocaleString(LOCALES[language()], { maximumFractionDigits: digits });
}

/** A value with its unit, as precise as is of use. */
export function quantity(value, unit) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const number = value.toLocaleString(LOCALES[language()], { maximumFractionDigits: digits });
  return unit ? `${number} ${unit}` : number;
}
