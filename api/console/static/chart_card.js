// A chart with its name, its latest value, and in words what the cursor stands on.

import { Chart } from "./chart.js";
import { h, setText } from "./dom.js";
import { OWN_LIMITS, parted, signalName } from "./signals.js";
import { has, quantity, span, t, time } from "./words.js";

export class ChartCard {
  /**
   * @param {{group: string, signals: string[]}} what one of `charts`
   * @param {object} options `height` px, `heading` (tag), `onZoom`, `onBack` as of `Chart`
   */
  constructor({ group, signals }, { height = 180, heading = "h2", onZoom = () => {}, onBack = () => {} } = {}) {
    this.group = group;
    this.signals = signals;
    this.events = group === "events";
    this.last = {};
    this.flags = {};
    this.title = h(heading);
    this.value = h("span", { class: "chart-last" });
    this.limit = h("span", { class: "quiet" });
    this.at = h("p", { class: "chart-at" });
    this.place = h("div", { "aria-hidden": "true" });
    const head = h("div", { class: "chart-head" }, this.title, this.value, this.limit);
    this.node = h("section", { class: `chart chart-${this.events ? "events" : "quantity"}`, "data-group": group }, head, this.at, this.place);
    this.options = { signals, events: this.events, height, name: signalName, onZoom, onBack, onCursor: (row, ts) => this.#point(row, ts) };
    this.chart = null;
  }

  /** Show an answer of the history; the card must be in the page. `around` as of `Chart.show`, without limits. */
  show(answer, around, last = {}) {
    this.chart ??= new Chart(this.place, this.options);
    Object.assign(this, { last, flags: answer.flags, now: around.now });
    const lines = this.signals.map((signal) => answer.series.find((series) => series.signal === signal) ?? this.#standing(signal, around.start));
    this.limits = this.#limits(around.alerts);
    this.chart.show(lines, { ...around, limits: this.limits });
    this.node.dataset.points = Math.max(0, ...lines.map((series) => series?.ts.length ?? 0));
    this.draw();
  }

  /** Write the words anew, in the present language. */
  draw() {
    setText(this.title, this.events ? t("past.events") : signalName(this.group));
    const values = this.events ? [] : this.signals.filter((signal) => signal in this.last);
    const ages = new Set(values.map((signal) => this.last[signal].ts));
    const aged = (text, ts) => t("past.last", { value: text, age: span(this.now - ts) });
    const told = values.map((signal) => {
      const { ts, value } = this.last[signal];
      const said = (this.signals.length > 1 ? `${this.#short(signal)} ` : "") + quantity(value, this.#unit());
      return ages.size > 1 ? aged(said, ts) : said;
    });
    setText(this.value, ages.size === 1 ? aged(told.join(" · "), [...ages][0]) : told.join(" · "));
    const limits = (this.limits ?? []).map(({ value, own }) =>
      t(own ? "past.limit.own" : "past.limit", { value: quantity(value, this.#unit()) }),
    );
    setText(this.limit, limits.join(" · "));
    this.chart?.redraw();
  }

  close() {
    this.chart?.close();
  }

  /** An event that was said before the range and not since: it holds throughout. */
  #standing(signal, start) {
    const { ts, value } = this.last[signal] ?? {};
    if (!this.events || ts === undefined || ts >= start) return null;
    return { signal, width: 0, ts: [start], min: [value], max: [value], last: [value], flags: [0], gaps: [] };
  }

  #unit() {
    return this.chart?.unit ?? "";
  }

  #short(signal) {
    const [, phase] = parted(signal);
    return phase === null ? signalName(signal) : t(`phase.${phase}`);
  }

  /** The device's own limits as they are now, and what rules held against this quantity. */
  #limits(alerts) {
    const own = (OWN_LIMITS[this.group] ?? []).filter((name) => name in this.last).map((name) => this.last[name].value);
    const held = alerts.filter((a) => this.signals.includes(a.evidence.signal) && a.threshold !== null && !this.events);
    const ruled = [...new Set(held.map((alert) => alert.threshold))].filter((value) => !own.includes(value));
    return [...own.map((value) => ({ value, own: true })), ...ruled.map((value) => ({ value, own: false }))];
  }

  /** Say what the cursor stands on. */
  #point(row, ts) {
    const table = this.chart?.data;
    if (row === null || row < 0 || table?.[0][row] === undefined) return this.at.replaceChildren();
    const values = this.signals.map((signal, at) => (this.events ? this.#state(signal, table[at + 1], row) : this.#spread(signal, table, at, row)));
    const doubts = this.chart.doubts.filter(([when]) => when === ts).map(([, bits]) => bits);
    const names = Object.entries(this.flags).filter(([bit]) => doubts.some((bits) => bits & Number(bit)));
    this.at.replaceChildren(
      t("past.at", { time: time(ts), values: values.filter(Boolean).join(" · ") }),
      h("span", { class: "doubt" }, names.map(([, name]) => ` ▮ ${has(`quality.${name}`) ? t(`quality.${name}`) : name}`)),
    );
  }

  #spread(signal, table, at, row) {
    const [mean, least, greatest] = [1, 2, 3].map((part) => table[at * 3 + part][row]);
    if (mean === null || mean === undefined) return null;
    const unit = this.#unit();
    const said = least === greatest ? quantity(mean, unit) : t("past.spread", { mean: quantity(mean, unit), min: quantity(least, ""), max: quantity(greatest, unit) });
    return this.signals.length > 1 ? `${this.#short(signal)} ${said}` : said;
  }

  #state(signal, values, row) {
    let at = row; // other events have points here too: what holds was said before
    while (at >= 0 && values[at] === undefined) at -= 1;
    if (at < 0) return null;
    const fraction = values[at] - Math.floor(values[at] + 1e-9);
    return `${signalName(signal)} ${t(fraction > 0.3 ? "past.on" : "past.off")}`;
  }
}
