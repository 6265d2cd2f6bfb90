// Questions to the history, and what is said when it has no answer.

import { Failure, call } from "./calls.js";

const MOST_POINTS = 1_000;

/** Series of a device from `start` to `end` (UTC ms), at most `points` for each signal. */
export function readHistory(device, signals, start, end, points) {
  const asked = new URLSearchParams({ device, start: Math.round(start), end: Math.round(end) });
  for (const signal of signals) asked.append("signal", signal);
  asked.set("points", Math.max(60, Math.min(Math.floor(points), MOST_POINTS)));
  return call(`/history?${asked}`);
}

/** Signal → latest value; empty for a device without history. */
export async function readLast(device) {
  const found = await call(`/history/last?${new URLSearchParams({ device })}`);
  return found.devices[device] ?? {};
}

/** The key of the text that tells why there is no answer. */
export function whyNot(error) {
  if (!(error instanceof Failure)) throw error;
  if (error.reason === "no_history") return "past.none";
  return error.status === 0 ? "past.no_answer" : "past.away";
}
