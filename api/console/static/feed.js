// The live line: server-sent events over `fetch`, so that silence can be told from a cut, and nothing is missed.
//
// `EventSource` hides comments (the server's signs of life) and the reason of a failure, so it is not used.

import { toSignIn } from "./calls.js";

const SILENCE_MS = 12_000; // the server speaks every 5 s; two missed signs and some patience
const PAUSES_MS = [300, 1_000, 2_000, 4_000, 5_000];

/**
 * Follow the stream for ever.
 *
 * @param {() => Promise<number>} reload lists anew and returns the number from which to follow
 * @param {(data: object) => void} onEvent called with every `{event, alert}`
 * @param {(state: "connecting"|"live"|"cut") => void} onState told at every change
 * @param {(now: number) => void} onTime told the server's clock
 */
export async function follow({ reload, onEvent, onState, onTime }) {
  let after = null;
  let tries = 0;
  for (;;) {
    onState(tries === 0 ? "connecting" : "cut");
    try {
      after ??= await reload();
      await listen(after, {
        hello: (data) => {
          tries = 0;
          onTime(data.now);
          onState("live");
        },
        alert: (data, id) => {
          after = id;
          onEvent(data);
        },
        resync: () => {
          after = null;
        },
      });
    } catch {
      // Whatever it was, the answer is the same: try again, from where we stand.
    }
    const pause = PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)];
    tries += 1;
    onState("cut");
    await new Promise((resolve) => setTimeout(resolve, pause * (0.7 + 0.6 * Math.random())));
  }
}

/** One connection, until it ends, fails, or falls silent. */
async function listen(after, handlers) {
  const cut = new AbortController();
  let alarm = setTimeout(() => cut.abort(), SILENCE_MS);
  try {
    const answer = await fetch("/api/v1/alerts/stream", {
      headers: { "Last-Event-ID": String(after), Accept: "text/event-stream" },
      signal: cut.signal,
    });
    if (answer.status === 401) toSignIn();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(alarm);
      alarm = setTimeout(() => cut.abort(), SILENCE_MS);
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) handle(frame, handlers);
    }
  } finally {
    clearTimeout(alarm);
    cut.abort();
  }
}

function handle(frame, handlers) {
  const fields = {};
  for (const line of frame.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  if (fields.event in handlers) handlers[fields.event](JSON.parse(fields.data), Number(fields.id));
}
