// The open alerts as this page knows them, and the order in which people need them.

import { call } from "./calls.js";

export const SHOWN = 500; // most rows in the list: nobody works through more, and a phone must still scroll
const KEPT = 3_000; // most alerts in memory

export const GROUPS = ["life", "unanswered", "returned", "active", "latched"];
const RANK = { normal: 0, warning: 1, alarm: 2, critical: 3 };

/** Which group of the list an alert belongs to. */
export function groupOf(alert) {
  if (!alert.acknowledged) {
    if (alert.category === "life") return "life";
    return alert.severity === "normal" ? "returned" : "unanswered";
  }
  return alert.severity === "normal" ? "latched" : "active";
}

/** Most urgent first: group, life before the rest, the worse, the newer. */
export function urgency(a, b) {
  return (
    GROUPS.indexOf(groupOf(a)) - GROUPS.indexOf(groupOf(b)) ||
    (b.category === "life") - (a.category === "life") ||
    RANK[b.highest] - RANK[a.highest] ||
    b.raised_at - a.raised_at ||
    (a.id < b.id ? -1 : 1)
  );
}

export class Store {
  constructor() {
    this.alerts = new Map();
    this.complete = true; // whether every open alert is here
    this.number = 0; // of the last event taken in
  }

  /** List anew. Life and the unanswered are asked for by themselves, so that a flood cannot push them out. */
  async reload() {
    const pages = [];
    for (const wanted of ["state=open&category=life", "state=unacknowledged", "state=open"]) {
      pages.push(await call(`/alerts?${wanted}&limit=500`));
    }
    this.complete = pages[2].next === null;
    this.alerts.clear();
    for (const page of pages) for (const alert of page.alerts) this.alerts.set(alert.id, alert);
    // What happened while we listed comes again on the stream, with the state of then; that does no harm.
    this.number = Math.min(...pages.map((page) => page.last_number));
    return this.number;
  }

  /** Take in an alert as it is now. */
  put(alert) {
    if (alert.closed_at === null) this.alerts.set(alert.id, alert);
    else this.alerts.delete(alert.id);
    if (this.alerts.size > KEPT) {
      this.alerts.delete([...this.alerts.values()].sort(urgency).at(-1).id);
      this.complete = false;
    }
  }

  /** The alerts that match every word of `text`, most urgent first. */
  listed(text, describe) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const all = [...this.alerts.values()].sort(urgency);
    return words.length === 0 ? all : all.filter((a) => words.every((w) => describe(a).includes(w)));
  }

  /** How many there are: open, not acknowledged, and of those, about life. */
  counts() {
    const all = [...this.alerts.values()];
    const unanswered = all.filter((a) => !a.acknowledged);
    return {
      open: all.length,
      unanswered: unanswered.length,
      life: unanswered.filter((a) => a.category === "life").length,
    };
  }
}
