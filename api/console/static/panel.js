// The panel beside the list: what was found, what to do, where, and what has happened so far.

import { Around } from "./around.js";
import { Failure, call } from "./calls.js";
import * as say from "./describe.js";
import { h, shape } from "./dom.js";
import { t, time } from "./words.js";

/** Why `action` ("acknowledge" or "reset") is not open to this person now; null if it is. */
export function hindrance(action, alert, role) {
  if (role === "viewer") return "viewer";
  if (alert.closed_at !== null) return "already_closed";
  if (action === "acknowledge") return alert.acknowledged ? "already_acknowledged" : null;
  if (!alert.latched) return "not_latched";
  if (alert.severity !== "normal") return "still_holds";
  return alert.acknowledged ? null : "not_acknowledged";
}

export class Panel {
  /**
   * @param {HTMLElement} node the panel
   * @param {string} role of the person
   * @param {(action: string) => void} onAct a button was pressed
   */
  constructor(node, role, onAct) {
    this.node = node;
    this.role = role;
    this.onAct = onAct;
    this.alert = null;
    this.events = [];
    this.around = null;
    this.fetching = 0;
  }

  /** Show `alert` (null: nothing); `related` counts the open alerts of its incident. */
  show(alert, related) {
    const other = alert?.id !== this.alert?.id;
    const changed = JSON.stringify(alert) !== JSON.stringify(this.alert);
    this.alert = alert;
    this.related = related;
    if (other) {
      this.events = [];
      this.around?.close();
      this.around = alert === null ? null : new Around(alert);
    }
    if (alert !== null && changed) this.#fetch();
    this.draw();
    if (other) this.node.scrollTop = 0;
  }

  draw() {
    const alert = this.alert;
    if (alert === null) {
      this.node.replaceChildren(h("p", { class: "panel-hint" }, t("panel.hint")));
      return;
    }
    const open = this.node.querySelector("details")?.open ?? false;
    const before = this.node.contains(document.activeElement) ? document.activeElement : null;
    const focused = before?.dataset.act;
    this.around.draw();
    this.node.replaceChildren(
      h("button", { class: "panel-close", type: "button", "data-act": "close" }, t("panel.close")),
      h(
        "header",
        { class: `panel-head severity-${alert.highest}` },
        h("span", { class: "badge" }, shape(alert.highest), h("span", {}, t(`severity.${alert.highest}`))),
        h("h2", {}, say.title(alert)),
        h("p", { class: "panel-state" }, `${t(`category.${alert.category}`)} · ${say.state(alert)}`),
        this.#who(alert),
      ),
      this.#actions(alert),
      section("panel.what", say.findings(alert).map((sentence) => h("p", {}, sentence)), this.#evidence(alert, open)),
      this.#todo(alert),
      section("panel.where", this.#where(alert)),
      ...this.around.nodes,
      section("panel.history", this.#history()),
    );
    for (const button of this.node.querySelectorAll("[data-act]")) {
      button.addEventListener("click", () => this.onAct(button.dataset.act));
      if (button.dataset.act === focused) button.focus({ preventScroll: true });
    }
    if (before?.isConnected) before.focus({ preventScroll: true }); // it was taken out and put back
  }

  #todo(alert) {
    const lines = say.guidance(alert).map(([role, text]) =>
      h("p", { class: "guidance" }, role === "staff" ? "" : h("b", {}, t(`guidance.${role}`)), text),
    );
    return lines.length > 0 ? section("panel.todo", ...lines) : "";
  }

  #who(alert) {
    if (!alert.acknowledged) return "";
    const by = t("event.by", { actor: alert.acknowledged_by });
    return h("p", { class: "panel-who" }, `${t("event.acknowledged")} ${time(alert.acknowledged_at)} · ${by}`);
  }

  #actions(alert) {
    const wanted = [["acknowledge", "A"], ...(alert.latched ? [["reset", "R"]] : [])];
    const buttons = wanted.map(([action, key]) => {
      const why = hindrance(action, alert, this.role);
      const named = { type: "button", "data-act": action, class: "act", disabled: why !== null };
      return h("div", {}, h("button", named, t(`act.${action}`), h("kbd", {}, key)), why && why !== "already_acknowledged" ? h("p", { class: "why" }, t(`why.${why}`)) : "");
    });
    return h("div", { class: "actions" }, buttons);
  }

  #evidence(alert, open) {
    const rows = say.evidence(alert).map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]);
    return h("details", { open }, h("summary", {}, t("evidence.more")), h("dl", { class: "facts" }, rows));
  }

  #where(alert) {
    const { position, notes } = alert.where;
    const facts = [
      [t("panel.device"), say.device(alert)],
      [t("panel.incident"), `${alert.incident} (${t("panel.incident.with", { n: this.related })})`],
      position ? [t("panel.map"), position.map((degrees) => degrees.toFixed(5)).join(", ")] : null,
      notes ? [t("panel.notes"), notes] : null,
      [t("panel.rule"), `${alert.rule} · ${alert.rule_version}`],
    ].filter(Boolean);
    return [
      h("p", { class: "panel-place" }, say.wholePlace(alert)),
      h("p", { class: "panel-address" }, say.address(alert)),
      h("p", { class: "row-flags" }, say.flags(alert).map((flag) => h("span", { class: flag.grave ? "flag grave" : "flag" }, flag.text))),
      h("dl", { class: "facts" }, facts.map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])),
    ];
  }

  #history() {
    const rows = this.events.map((event) =>
      h(
        "li",
        {},
        h("time", { datetime: new Date(event.ts).toISOString() }, time(event.ts)),
        h("span", {}, `${t(`event.${event.event}`)} · ${t(`severity.${event.severity}`)}`),
        event.reason === "taken_into_group" ? h("span", {}, t("reason.taken_into_group", { group: event.evidence.group })) : "",
        event.actor ? h("span", { class: "event-actor" }, t("event.by", { actor: event.actor })) : "",
        event.note ? h("q", { class: "event-note" }, event.note) : "",
      ),
    );
    return h("ol", { class: "history" }, rows);
  }

  async #fetch() {
    const turn = ++this.fetching;
    const { id } = this.alert;
    try {
      const page = await call(`/alerts/${encodeURIComponent(id)}/events`);
      if (turn !== this.fetching) return; // a later one is on its way
      this.events = page.events.reverse();
      this.draw();
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // without its history the panel still says what counts
    }
  }
}

const section = (title, ...children) => h("section", {}, h("h3", {}, t(title)), ...children);
