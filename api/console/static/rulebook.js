// The page of the rulebook: what is in force, what was, what is rehearsed. It changes nothing.

import { Failure, call } from "./calls.js";
import { byId, h } from "./dom.js";
import { toggleTheme } from "./prefs.js";
import { has, language, onLanguage, quantity, t, time, toggleLanguage, translatePage } from "./words.js";

let shown = null; // { book, versions, findings }; null until the API has answered
let reason = null;

function cells(tag, values) {
  return h("tr", {}, values.map((value) => h(tag, {}, value ?? "")));
}

function table(id, heads, rows) {
  byId(`${id}-head`).replaceChildren(cells("th", heads));
  byId(id).replaceChildren(...(rows.length ? rows.map((row) => cells("td", row)) : [cells("td", [t("rulebook.none")])]));
}

function measured(value, unit) {
  return value === null ? "" : quantity(value, unit);
}

function draw() {
  translatePage();
  document.title = `${t("rulebook.title")} · ${t("name")}`;
  byId("trouble").textContent = reason === null ? "" : has(`why.${reason}`) ? t(`why.${reason}`) : reason;
  if (shown === null) return;
  const { book, versions, findings } = shown;
  byId("in-force").textContent = t("rulebook.in_force", { version: book.version, rules: book.rules.length });
  table(
    "versions",
    [t("rulebook.version"), t("rulebook.at"), t("rulebook.by"), t("rulebook.origin"), t("rulebook.note")],
    versions.map((v) => [String(v.version), time(v.made_at), v.made_by, t(`rulebook.origin.${v.origin}`), v.note]),
  );
  const title = new Map(book.rules.map((rule) => [rule.id, rule.title[language()]]));
  table(
    "rehearsal",
    [t("rulebook.at"), t("rulebook.rule"), t("rulebook.device"), t("rulebook.level"), t("rulebook.value")],
    findings.map((f) => [
      time(f.ts),
      title.get(f.rule) ?? f.rule,
      f.device,
      `${t(`severity.${f.previous}`)} → ${t(`severity.${f.severity}`)}`,
      measured(f.value, f.unit),
    ]),
  );
  table(
    "rules",
    [t("rulebook.rule"), t("rulebook.id"), t("rulebook.category"), t("rulebook.mode"), t("rulebook.source")],
    book.rules.map((rule) => [
      rule.title[language()],
      rule.id,
      t(`category.${rule.category}`),
      t(`rulebook.mode.${rule.mode}`),
      [rule.standard, rule.clause].filter(Boolean).join(", "),
    ]),
  );
}

async function fetchAll() {
  try {
    const [book, { versions }, { findings }] = await Promise.all([
      call("/rulebook"),
      call("/rulebook/versions?limit=50"),
      call("/rulebook/rehearsal?limit=100"),
    ]);
    shown = { book, versions, findings };
    reason = null;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    reason = error.reason;
  }
  draw();
}

byId("language").addEventListener("click", toggleLanguage);
byId("theme").addEventListener("click", toggleTheme);
onLanguage(draw);
draw();
fetchAll();
