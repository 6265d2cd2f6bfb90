// The list: groups of rows, kept in step with the store without losing the place of the person who reads it.

import * as say from "./describe.js";
import { h, shape } from "./dom.js";
import { GROUPS, SHOWN, groupOf } from "./store.js";
import { quantity, t } from "./words.js";

export class Rows {
  /**
   * @param {HTMLElement} list the listbox
   * @param {(id: string) => void} onSelect a row was chosen
   * @param {(id: string) => void} onOpen a row was clicked or tapped
   */
  constructor(list, onSelect, onOpen) {
    this.list = list;
    this.onSelect = onSelect;
    this.rows = new Map(); // id → {node, content}
    this.order = [];
    this.selected = null;
    this.groups = new Map(GROUPS.map((name) => [name, this.#group(name)]));
    list.append(...this.groups.values());
    list.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row === null) return;
      this.select(row.dataset.id);
      onOpen(row.dataset.id);
    });
    list.addEventListener("focusin", (event) => {
      const row = event.target.closest("[role=option]");
      if (row !== null && row.dataset.id !== this.selected) this.select(row.dataset.id, false);
    });
  }

  /** Show `alerts`, which come in their order. */
  draw(alerts) {
    const focused = document.activeElement?.dataset?.id ?? null;
    const shown = alerts.slice(0, SHOWN);
    const together = new Map(); // incident → how many of its alerts are listed
    for (const { incident } of alerts) together.set(incident, (together.get(incident) ?? 0) + 1);
    const place = this.order.indexOf(this.selected);
    this.order = shown.map((alert) => alert.id);
    const gone = new Set(this.rows.keys());
    const after = new Map();
    for (const alert of shown) {
      gone.delete(alert.id);
      const node = this.#row(alert, together.get(alert.incident));
      const group = this.groups.get(groupOf(alert));
      const before = after.get(group) ?? group.firstElementChild;
      if (before.nextElementSibling !== node) before.after(node);
      after.set(group, node);
    }
    for (const id of gone) {
      this.rows.get(id).node.remove();
      this.rows.delete(id);
    }
    for (const [name, group] of this.groups) {
      const size = group.childElementCount - 1;
      group.hidden = size === 0;
      group.firstElementChild.replaceChildren(t(`group.${name}`), h("span", { class: "group-size" }, String(size)));
    }
    if (focused !== null && document.activeElement?.dataset?.id !== focused) {
      // The row moved (or went): the keyboard stays with it, or with its neighbour.
      if (this.rows.has(focused)) this.rows.get(focused).node.focus({ preventScroll: true });
      else this.select(this.order[Math.min(Math.max(place, 0), this.order.length - 1)] ?? null);
    }
    this.#mark();
  }

  /** Choose a row; `focus` brings the keyboard along. */
  select(id, focus = true) {
    this.selected = id;
    this.#mark();
    const row = this.rows.get(id);
    if (row && focus) {
      row.node.focus({ preventScroll: true });
      row.node.scrollIntoView({ block: "nearest" });
    }
    this.onSelect(id);
  }

  /** Choose the row `step` further down. */
  move(step) {
    if (this.order.length === 0) return;
    const at = this.order.indexOf(this.selected);
    const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), this.order.length - 1);
    this.select(this.order[next]);
  }

  /** Write the ages anew. */
  age(alerts) {
    for (const alert of alerts) {
      const row = this.rows.get(alert.id);
      if (row) row.age.textContent = say.age(alert);
    }
  }

  #group(name) {
    const heading = h("h2", { class: "group-title", id: `group-${name}` });
    const group = h("div", { role: "group", class: `group group-${name}`, "aria-labelledby": heading.id }, heading);
    group.hidden = true;
    return group;
  }

  #mark() {
    // One row is in the tab order (roving tabindex): the selected one, else the first.
    const reachable = this.rows.has(this.selected) ? this.selected : this.order[0];
    for (const [id, { node }] of this.rows) {
      node.tabIndex = id === reachable ? 0 : -1;
      node.setAttribute("aria-selected", String(id === this.selected));
    }
  }

  #row(alert, together) {
    const content = JSON.stringify([alert, together, document.documentElement.lang]);
    let row = this.rows.get(alert.id);
    if (row === undefined) {
      row = { node: h("div", { role: "option", "data-id": alert.id }) };
      this.rows.set(alert.id, row);
    }
    if (row.content !== content) {
      row.content = content;
      row.age = h("span", { class: "row-age" }, say.age(alert));
      row.node.className = `row severity-${alert.highest} category-${alert.category}${alert.acknowledged ? " answered" : ""}${alert.severity === "normal" ? " over" : ""}`;
      row.node.replaceChildren(...this.#parts(alert, row.age, together));
    }
    return row.node;
  }

  #parts(alert, age, together) {
    const sub = [say.device(alert), together > 1 ? t("row.incident", { n: together }) : null];
    const measured = alert.value === null ? "" : quantity(alert.value, alert.unit);
    const limit = alert.value === null || alert.threshold === null ? "" : `/ ${quantity(alert.threshold, alert.unit)}`;
    return [
      h(
        "span",
        { class: "badge" },
        shape(alert.highest),
        h("span", {}, t(`severity.${alert.highest}`), h("span", { class: "row-category" }, t(`category.${alert.category}`))),
      ),
      h(
        "span",
        { class: "row-what" },
        h("span", { class: "row-title" }, say.title(alert)),
        h("span", { class: "row-sub" }, sub.filter(Boolean).join(" · ")),
      ),
      h(
        "span",
        { class: "row-where" },
        h("span", { class: "row-place" }, `${say.place(alert)} › ${say.address(alert)}`),
        h("span", { class: "row-flags" }, say.flags(alert).map((flag) => h("span", { class: flag.grave ? "flag grave" : "flag" }, flag.text))),
      ),
      h("span", { class: "row-value" }, h("strong", {}, measured), h("span", {}, limit)),
      h("span", { class: "row-when" }, age, h("span", { class: "row-state" }, say.state(alert))),
    ];
  }
}
