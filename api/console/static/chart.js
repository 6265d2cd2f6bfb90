// One chart over time: mean lines in their bands, or lanes of events, with alerts, limits and doubts marked.

import uPlot from "./vendor/uplot-1.6.32/uPlot.esm.js";
import { drawAlerts, drawDoubts, drawLanes, drawLimits } from "./chart_marks.js";
import { columns, doubted, laneFloor, lanes } from "./columns.js";
import { axisTime, axisValue } from "./words.js";

// One colour and dash for each line of a chart: three phases and the neutral.
const LINES = [
  ["--accent", []],
  ["--calm", [8, 3]],
  ["--warning", [3, 3]],
  ["--muted", [1, 3]],
];
const AXIS_PX = 56; // the same for all: one moment stands under the other
const BLANK = { grid: { show: false }, ticks: { show: false }, values: (_, marks) => marks.map(() => "") };
const moves = (type) => type === "mousemove" || type === "mouseleave";
const LANE_PX = 34;
const EDGE_PX = 70; // room of the time axis, and of the marks above

/** A colour of the palette, as it is now. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  /**
   * @param {HTMLElement} node where it is drawn; its width is the chart's
   * @param {object} what
   * @param {string[]} what.signals one line, or lane, for each
   * @param {boolean} what.events whether they are events
   * @param {number} what.height px, of quantities
   * @param {(signal: string) => string} what.name for people
   * @param {(start: number, end: number) => void} what.onZoom a stretch was chosen
   * @param {() => void} what.onBack the person wants the range before
   * @param {(row: number | null, ts: number) => void} what.onCursor the cursor stands on this row of `data`, at that time
   */
  constructor(node, what) {
    Object.assign(this, { node, ...what });
    this.lines = what.signals.map(() => null);
    this.alerts = [];
    this.limits = [];
    this.doubts = [];
    this.plot = new uPlot(this.#options(), [[], ...this.#rows().map(() => [])], node);
    // A chart that is gone is no longer observed: the observer holds nothing else.
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(node);
  }

  /**
   * Show other data.
   *
   * @param {(object | null)[]} lines a series for each signal, or null
   * @param {object} around `start`, `end` (UTC ms), `now`, `alerts`, `limits` as `{value, own}`
   */
  show(lines, { start, end, now, alerts, limits }) {
    Object.assign(this, { lines, alerts, limits });
    this.unit = lines.find((series) => series?.unit)?.unit ?? this.unit ?? "";
    this.doubts = lines.flatMap(doubted);
    this.data = this.events ? lanes(lines, Math.min(end, now)) : columns(lines);
    this.plot.batch(() => {
      this.plot.setData(this.data, false);
      this.plot.setScale("x", { min: start, max: end });
    });
  }

  /** Draw again, in the present colours and language. */
  redraw() {
    this.plot.redraw(false, true);
  }

  close() {
    this.observer.disconnect();
    this.plot.destroy();
  }

  #rows() {
    return this.signals.flatMap((signal) => (this.events ? [signal] : [signal, signal, signal]));
  }

  #height() {
    return this.events ? this.signals.length * LANE_PX + EDGE_PX : this.height;
  }

  #resize() {
    const width = this.node.clientWidth;
    if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: this.#height() });
  }

  #options() {
    return {
      width: Math.max(this.node.clientWidth, 200),
      height: this.#height(),
      ms: 1,
      legend: { show: false },
      padding: [16, 24, 0, 0],
      scales: { x: { time: true }, y: { range: (_, low, high) => this.#range(low, high) } },
      series: [{}, ...this.signals.flatMap((_, at) => (this.events ? [this.#lane(at)] : this.#line(at)))],
      bands: this.events ? [] : this.signals.map((_, at) => this.#band(at)),
      axes: [
        this.#axis({ values: (_, marks) => marks.map((ms, i) => axisTime(ms, marks[i - 1], marks[1] - marks[0])), space: 64 }),
        this.#axis({ size: AXIS_PX, ...(this.events ? BLANK : { values: (_, marks) => marks.map((value) => axisValue(value, marks[1] - marks[0])) }) }),
      ],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { show: !this.events },
        bind: { dblclick: () => () => this.onBack() },
        // Only the cursor is shared: what is selected on one chart is asked for once.
        sync: { key: "past", scales: ["x", null], filters: { pub: moves, sub: moves } },
      },
      hooks: {
        setSelect: [(plot) => this.#selected(plot)],
        setCursor: [(plot) => this.#pointed(plot)],
        draw: [
          (plot) => (this.events ? drawLanes(plot, this.signals.map(this.name), colour) : drawLimits(plot, this.limits, colour)),
          (plot) => drawDoubts(plot, this.doubts, colour),
          (plot) => drawAlerts(plot, this.alerts, colour),
        ],
      },
    };
  }

  #line(at) {
    const [ink, dash] = LINES[at % 4];
    const edge = { width: 0, points: { show: false } };
    return [{ stroke: () => colour(ink), width: 1.5, dash, points: { size: 5, fill: () => colour(ink) } }, edge, edge];
  }

  #band(at) {
    const shade = "40"; // a quarter, behind the line
    return { series: [at * 3 + 3, at * 3 + 2], fill: () => colour(LINES[at % 4][0]) + shade };
  }

  #lane() {
    return { stroke: () => colour("--accent"), width: 1.5, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } };
  }

  #axis(own) {
    const faint = { stroke: () => colour("--edge"), width: 1 };
    const font = `${Math.round(parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.75)}px system-ui, sans-serif`;
    return { stroke: () => colour("--muted"), grid: faint, ticks: faint, font, ...own };
  }

  /** Limits that are near belong into the picture; one far away would press the line flat. */
  #range(low, high) {
    if (this.events) return [-0.2, laneFloor(0, this.signals.length) + 1];
    if (low === null || high === null) return [0, 1];
    const span = Math.max(high - low, Math.abs(high) * 0.02, 1e-3);
    const near = this.limits.map(({ value }) => value).filter((value) => value > low - 3 * span && value < high + 3 * span);
    return [Math.min(low, ...near) - span * 0.08, Math.max(high, ...near) + span * 0.08];
  }

  /** Of quantities the nearest point; of events what was said last before the cursor, for that holds. */
  #pointed(plot) {
    const { left, idx } = plot.cursor;
    const times = this.data?.[0] ?? [];
    if (left < 0 || idx === null || idx === undefined) this.onCursor(null, 0);
    else if (!this.events) this.onCursor(idx, times[idx]);
    else {
      const ts = plot.posToVal(left, "x");
      this.onCursor(times.findLastIndex((one) => one <= ts), ts);
    }
  }

  #selected(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [start, end] = [left, left + width].map((x) => plot.posToVal(x, "x"));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.onZoom(start, end);
  }
}
