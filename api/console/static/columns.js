// What the history answers, as the chart wants it: one row of times, and under it a row for each line.

/** The middle of what a point stands for, UTC ms. */
const middles = (series) => series.ts.map((ts) => ts + series.width / 2);

/**
 * Series of one chart in columns.
 *
 * @param {(object | null)[]} lines series as the API gives them (`SeriesView`); null: nothing in this range
 * @returns {number[][]} times in UTC ms, ascending; then mean, least and greatest value of each line. `null` breaks a
 *   line (a gap), `undefined` says nothing about it (another line has a point there)
 */
export function columns(lines) {
  const breaks = lines.map((series) => (series?.gaps ?? []).map(([from, to]) => (from + to) / 2));
  const points = lines.map((series) => (series === null ? [] : middles(series)));
  const times = [...new Set([...points, ...breaks].flat())].sort((a, b) => a - b);
  const row = new Map(times.map((ts, index) => [ts, index]));
  const table = [times];
  for (const [at, series] of lines.entries()) {
    const [mean, least, greatest] = [0, 1, 2].map(() => new Array(times.length).fill(undefined));
    for (const ts of breaks[at]) mean[row.get(ts)] = least[row.get(ts)] = greatest[row.get(ts)] = null;
    for (const [i, ts] of points[at].entries()) {
      const index = row.get(ts);
      mean[index] = series.mean[i];
      // Several single readings may have one time: none of them may hide another.
      least[index] = Math.min(least[index] ?? Infinity, series.min[i]);
      greatest[index] = Math.max(greatest[index] ?? -Infinity, series.max[i]);
    }
    table.push(mean, least, greatest);
  }
  return table;
}

/**
 * Events in columns: each in a lane of its own, the first at the top, 0.6 high when it is active.
 *
 * An event holds until it is taken back, so that time without a message is no gap.
 *
 * @param {(object | null)[]} lines as above
 * @param {number} until UTC ms to which the last known state is drawn
 * @returns {number[][]} times in UTC ms, then one row for each event
 */
export function lanes(lines, until) {
  const told = lines.map((series) => (series === null ? [] : steps(series, until)));
  const times = [...new Set(told.flat().map(([ts]) => ts))].sort((a, b) => a - b);
  const row = new Map(times.map((ts, index) => [ts, index]));
  const rows = told.map((states, lane) => {
    const values = new Array(times.length).fill(undefined);
    for (const [ts, value] of states) values[row.get(ts)] = laneFloor(lane, lines.length) + 0.6 * value;
    return values;
  });
  return [times, ...rows];
}

/** States of an event as `[ts, value]`; of a point that stands for a while the worst, then what it ended with. */
function steps(series, until) {
  const worst = series.signal === "online" ? series.min : series.max; // a moment of either is to be seen in a year
  const found = [];
  for (const [i, ts] of series.ts.entries()) {
    found.push([ts, worst[i]]);
    const over = ts + series.width;
    if (series.last[i] !== worst[i] && over < (series.ts[i + 1] ?? until)) found.push([over, series.last[i]]);
  }
  if (found.length > 0 && found.at(-1)[0] < until) found.push([until, found.at(-1)[1]]);
  return found;
}

/** Where a lane begins, counted from the bottom. */
export const laneFloor = (lane, count) => count - 1 - lane;

/** Times of points that something speaks against, with what it is: `[[ts, bits], ...]`. */
export function doubted(series) {
  if (series === null) return [];
  return middles(series).flatMap((ts, i) => (series.flags[i] === 0 ? [] : [[ts, series.flags[i]]]));
}
