// Whether what is shown can be trusted: the line to the server, and the server's own state.

import { Failure, call } from "./calls.js";
import { byId, setText } from "./dom.js";
import { serverNow, t, time } from "./words.js";

const LOOK_MS = 10_000;
let line = { state: "connecting", since: null };
let health = { status: "ok", components: [] };

/** Take over the state of the line: `connecting`, `live` or `cut`. */
export function setLine(state) {
  if (state === "cut" && line.state === "cut") return;
  line = { state, since: state === "cut" ? serverNow() : null };
  drawStatus();
}

/** Ask after the server's state for ever. */
export async function watchHealth() {
  for (;;) {
    try {
      health = await call("/health", { signIn: false });
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // the line's own banner says it
    }
    drawStatus();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

export function drawStatus() {
  const sign = byId("line");
  sign.dataset.state = line.state;
  setText(byId("line-word"), t(`line.${line.state}`));
  const cut = byId("cut");
  cut.hidden = line.state !== "cut";
  setText(cut, line.state === "cut" ? t("line.cut.banner", { time: time(line.since) }) : "");
  const banner = byId("health");
  const bad = health.components.filter((component) => component.state !== "ok");
  banner.hidden = bad.length === 0;
  banner.dataset.state = health.status;
  const names = bad.map((c) => (c.detail ? `${c.name} (${c.detail})` : c.name)).join(", ");
  setText(banner, bad.length === 0 ? "" : t(`health.${health.status}`, { names }));
}
