// In the panel: what was measured around an alert, the way to the device's page, and the alert's explanation.

import { Failure, call } from "./calls.js";
import { ChartCard } from "./chart_card.js";
import { h } from "./dom.js";
import { readHistory, readLast, whyNot } from "./history.js";
import { EVENTS, parted } from "./signals.js";
import { has, language, serverNow, t } from "./words.js";

const DAY = 86_400_000;
const PAUSE_MS = 250; // whoever runs down the list with a key asks for the last one only

/** The day to be shown: half of it before the alert, unless that day is not over. */
function dayAround(alert, now) {
  const end = Math.min(now, alert.raised_at + DAY / 2);
  return { start: end - DAY, end };
}

/** What the alert is about, if it is one signal: an alert may also be about a formula, or about silence. */
function signalOf(alert) {
  const { signal } = alert.evidence;
  return typeof signal === "string" && has(`signal.${parted(signal)[0]}`) ? signal : null;
}

/** Elements that stay while the panel is drawn anew around them: `nodes`. */
export class Around {
  constructor(alert) {
    this.alert = alert;
    this.nodes = [];
    if (alert.where.group !== null) return void this.nodes.push(this.#explanation()); // about many devices
    const { start, end } = dayAround(alert, serverNow());
    const address = `/devices/${encodeURIComponent(alert.device)}?${new URLSearchParams({ start: Math.round(start), end: Math.round(end) })}`;
    this.link = h("a", { href: address, "data-past": true });
    this.said = h("p", { class: "quiet" });
    this.title = h("h3");
    this.place = h("div");
    this.nodes.push(h("section", {}, this.title, this.place, this.said, h("p", {}, this.link)), this.#explanation());
    this.timer = setTimeout(() => this.#ask(start, end), PAUSE_MS);
    this.draw();
  }

  /** Write the words in the present language. */
  draw() {
    if (this.link !== undefined) {
      this.title.textContent = t("past.around");
      this.link.replaceChildren(t("past.open"), " ", h("kbd", {}, "D"));
      this.said.textContent = this.why === undefined ? "" : t(this.why);
      this.card?.draw();
    }
    this.summary.textContent = t("why.explained");
    if (this.details.open) this.#explain();
  }

  close() {
    clearTimeout(this.timer);
    this.closed = true;
    this.card?.close();
  }

  async #ask(start, end) {
    const { alert } = this;
    const signal = signalOf(alert);
    if (signal === null) return;
    try {
      const [last, answer] = await Promise.all([readLast(alert.device), readHistory(alert.device, [signal], start, end, 400)]);
      if (this.closed) return;
      if (answer.series.length === 0) return this.#tell("past.empty.range");
      const group = EVENTS.has(signal) ? "events" : parted(signal)[0];
      this.card = new ChartCard({ group, signals: [signal] }, { height: 130, heading: "h4" });
      this.place.replaceChildren(this.card.node);
      this.card.show(answer, { start, end, now: serverNow(), alerts: [alert] }, last);
    } catch (error) {
      this.#tell(whyNot(error));
    }
  }

  #tell(why) {
    this.why = why;
    this.draw();
  }

  #explanation() {
    this.summary = h("summary", {}, t("why.explained"));
    this.sentences = h("div");
    this.details = h("details", { "data-why": true }, this.summary, this.sentences);
    this.details.addEventListener("toggle", () => this.details.open && this.#explain());
    return h("section", {}, this.details);
  }

  /** Ask once for each language. */
  async #explain() {
    const wanted = language();
    if (this.explained === wanted) return;
    this.explained = wanted;
    try {
      const found = await call(`/alerts/${encodeURIComponent(this.alert.id)}/explanation?language=${wanted}`);
      if (this.explained === wanted) this.sentences.replaceChildren(...found.sentences.map((text) => h("p", {}, text)));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.explained = null;
      this.sentences.replaceChildren(h("p", {}, t("why.unexplained")));
    }
  }
}
