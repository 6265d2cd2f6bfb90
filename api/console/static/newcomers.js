// How many devices announced themselves and wait for an answer: a sign beside the counts that leads to their page.

import { Failure, call } from "./calls.js";
import { byId, setText } from "./dom.js";
import { t } from "./words.js";

const LOOK_MS = 30_000;
let waiting = 0;

/** Ask for the number for ever. */
export async function watchNewcomers() {
  for (;;) {
    try {
      ({ waiting } = await call("/announcements?limit=1"));
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // the banner of the line or of health says it
    }
    drawNewcomers();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

export function drawNewcomers() {
  const sign = byId("newcomers");
  sign.hidden = waiting === 0;
  setText(sign, waiting === 0 ? "" : t("announced.count", { n: waiting }));
}
