// The stretch of time that a page shows. It stands in the address, so that Back, reload and a link all keep it.

const HOUR = 3_600_000;
export const RANGES = [
  ["1h", HOUR],
  ["24h", 24 * HOUR],
  ["7d", 7 * 24 * HOUR],
  ["30d", 30 * 24 * HOUR],
  ["1y", 365 * 24 * HOUR],
];
const LEAST_MS = 10_000;
const MOST_MS = 10 * 365 * 24 * HOUR;
const USUAL = "24h";

export class Span {
  /** @param {() => void} onChange another stretch is to be shown */
  constructor(onChange) {
    this.onChange = onChange;
    window.addEventListener("popstate", onChange);
  }

  /** `start` and `end`, UTC ms; `name` where it is one that goes on with the clock, else null. */
  now(clock) {
    const asked = new URLSearchParams(location.search);
    const [start, end] = [Number(asked.get("start")), Number(asked.get("end"))];
    if (start > 0 && end - start >= LEAST_MS && end - start <= MOST_MS) return { start, end, name: null };
    const [name, length] = RANGES.find(([one]) => one === (asked.get("range") ?? USUAL)) ?? RANGES[1];
    this.clock = clock;
    return { start: clock - length, end: clock, name };
  }

  get mayGoBack() {
    return (history.state?.depth ?? 0) > 0;
  }

  /** One of `RANGES`, up to the present. */
  name(name) {
    this.#go({ range: name });
  }

  choose(start, end) {
    const middle = (start + end) / 2;
    const half = Math.min(Math.max(end - start, LEAST_MS), MOST_MS) / 2;
    this.#go({ start: Math.max(1, Math.round(middle - half)), end: Math.round(middle + half) });
  }

  /** Move by `part` of what is shown. */
  move(part) {
    const { start, end } = this.now(this.clock);
    this.choose(start + part * (end - start), end + part * (end - start));
  }

  /** Show `factor` times as much around the same middle. */
  scale(factor) {
    const { start, end } = this.now(this.clock);
    const [middle, half] = [(start + end) / 2, ((end - start) * factor) / 2];
    this.choose(middle - half, middle + half);
  }

  back() {
    if (this.mayGoBack) history.back(); // its popstate shows it
  }

  #go(what) {
    history.pushState({ depth: (history.state?.depth ?? 0) + 1 }, "", `?${new URLSearchParams(what)}`);
    this.onChange();
  }
}
