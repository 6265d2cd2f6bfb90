// An alert in words: its title, its place, what was measured, and why that counts.

import { has, language, quantity, serverNow, span, t, time } from "./words.js";

let rules = new Map();

/** Take over the rulebook: id → titles, guidance by role, standard. */
export function setRules(list) {
  rules = new Map(list.map((rule) => [rule.id, rule]));
}

const inLanguage = (texts) => texts?.[language()] ?? texts?.en ?? texts?.zh ?? "";

export const title = (alert) => inLanguage(rules.get(alert.rule)?.title) || alert.rule;

/** What to do, as pairs of role and text: first for who reads this, then for who is sent, then what to tell residents. */
export const guidance = (alert) =>
  ["staff", "responder", "resident"]
    .map((role) => [role, inLanguage(rules.get(alert.rule)?.guidance?.[role])])
    .filter(([, text]) => text);

/** The way down to the house: `西江 › 羊排`. */
export const place = (alert) => alert.where.place.slice(-2).map((step) => step.name).join(" › ");
export const wholePlace = (alert) => alert.where.place.map((step) => step.name).join(" › ");
export const address = (alert) =>
  group(alert) ?? ([alert.where.address, alert.where.household_name].filter(Boolean).join(" · ") || alert.household);
export const device = (alert) => {
  const { device_name: name, device_kind: kind } = alert.where;
  return [name || (kind && t(`device.${kind}`)), alert.device].filter(Boolean).join(" ");
};

/** What an alert about many homes is about: `Feeder f1`; null for one about a single home. */
function group(alert) {
  const about = alert.where.group;
  return about ? t(`group.${about.level}`, { name: about.name }) : null;
}

/** What responders must know before they go. */
export function flags(alert) {
  const { needs_help, lives_alone, material } = alert.where;
  return [
    needs_help && { text: t("flag.needs_help"), grave: true },
    lives_alone && { text: t("flag.lives_alone"), grave: true },
    material && { text: t(`material.${material}`), grave: false },
  ].filter(Boolean);
}

/** Everything a filter may look for, in small letters. */
export const searchable = (alert) =>
  [title(alert), alert.rule, wholePlace(alert), address(alert), device(alert), alert.household, alert.incident]
    .concat([t(`severity.${alert.highest}`), t(`category.${alert.category}`), t(`state.${alert.state}`)])
    .join(" ")
    .toLowerCase();

export const age = (alert) => span(serverNow() - alert.raised_at);

/** The state in a word or two, with the present severity where it is no longer the highest. */
export function state(alert) {
  const eased = alert.severity !== alert.highest && alert.severity !== "normal";
  const now = eased ? t("now.severity", { severity: t(`severity.${alert.severity}`) }) : null;
  const over = alert.severity === "normal" && alert.state === "acknowledged" ? t("now.normal") : null;
  return [t(`state.${alert.state}`), now, over, alert.late ? t("late") : null].filter(Boolean).join(" · ");
}

/** What was found, in sentences. */
export function findings(alert) {
  const said = [];
  const { since, silent_s: silent, allowed_s: allowed, time_to_trip_s: trip } = alert.evidence;
  if (typeof silent === "number") {
    const usual = typeof allowed === "number";
    const values = { span: span(silent * 1000), allowed: usual ? span(allowed * 1000) : "" };
    said.push(t(usual ? "say.silent.allowed" : "say.silent", values));
  } else if (Array.isArray(alert.evidence.parts)) {
    const parts = alert.evidence.parts.map((part) => `${title(part)} (${part.device})`);
    said.push(t("say.parts", { parts: parts.join(", ") }));
  } else if (alert.where.group && typeof alert.evidence.count === "number") {
    said.push(t("say.group", { n: alert.evidence.count, of: alert.evidence.of }));
  } else if (alert.value !== null && alert.threshold !== null) {
    const [value, threshold] = [alert.value, alert.threshold].map((v) => quantity(v, alert.unit));
    said.push(t("say.measured", { value, threshold }));
  } else if (alert.value !== null) said.push(t("say.value", { value: quantity(alert.value, alert.unit) }));
  else said.push(t("say.reported"));
  if (typeof trip === "number") said.push(t("say.trip", { span: span(trip * 1000) }));
  if (typeof since === "number") {
    const held = alert.raised_at - since; // negative after a worse turn: then the evidence is newer than the alert
    const key = held >= 1_000 ? "say.since" : held >= 0 ? "say.at_once" : "say.since_only";
    said.push(t(key, { time: time(since), span: span(held) }));
  }
  if (alert.late) said.push(t("say.late"));
  if (alert.returned_at !== null) said.push(t("say.returned", { time: time(alert.returned_at) }));
  const standard = [alert.evidence.standard ?? rules.get(alert.rule)?.standard, alert.evidence.clause].filter(Boolean);
  if (standard.length > 0) said.push(t("say.standard", { standard: standard.join(", ") }));
  return said;
}

/** The whole evidence as rows of name and text, for those who want to check. */
export function evidence(alert) {
  const named = (name) => (has(`evidence.${name}`) ? t(`evidence.${name}`) : name);
  return Object.entries(alert.evidence).map(([name, value]) => [named(name), written(name, value)]);
}

function written(name, value) {
  if (value === null || value === "") return "–";
  if (typeof value === "number" && value > 1e12) return time(value);
  if (typeof value === "number") return quantity(value, "");
  if (Array.isArray(value)) return value.map((item) => written(name, item)).join(", ");
  if (value !== null && typeof value === "object") {
    return Object.entries(value).map(([key, item]) => `${key} ${written(key, item)}`).join(", ");
  }
  return String(value);
}
