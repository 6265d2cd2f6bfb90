// What is drawn over a chart: alerts, limits, doubts, names of lanes. Pixels of the canvas, not of the page.

import { laneFloor } from "./columns.js";

const INKS = { critical: "--critical", alarm: "--alarm", warning: "--warning", normal: "--muted" };

/** Draw with the canvas as it was before; `1` is one pixel of the page. */
function within(plot, draw) {
  const { ctx, bbox } = plot;
  const dot = plot.pxRatio ?? window.devicePixelRatio;
  ctx.save();
  draw(ctx, bbox, dot);
  ctx.restore();
}

const inside = (plot, ts) => ts >= plot.scales.x.min && ts <= plot.scales.x.max;

/** A line from top to bottom where an alert was raised, with a mark above it that needs no colour. */
export function drawAlerts(plot, alerts, colour) {
  within(plot, (ctx, box, dot) => {
    for (const alert of alerts.filter((one) => inside(plot, one.raised_at))) {
      const x = Math.round(plot.valToPos(alert.raised_at, "x", true));
      ctx.strokeStyle = ctx.fillStyle = colour(INKS[alert.highest]);
      ctx.lineWidth = dot;
      ctx.beginPath();
      ctx.moveTo(x, box.top);
      ctx.lineTo(x, box.top + box.height);
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x - 6 * dot, box.top - 11 * dot);
      ctx.lineTo(x + 6 * dot, box.top - 11 * dot);
      ctx.lineTo(x, box.top - dot);
      ctx.fill();
    }
  });
}

/** Dashed lines: long dashes for what the device is set to, short for what a rule held against it. */
export function drawLimits(plot, limits, colour) {
  within(plot, (ctx, box, dot) => {
    ctx.strokeStyle = colour("--alarm");
    ctx.lineWidth = dot;
    for (const { value, own } of limits) {
      if (value < plot.scales.y.min || value > plot.scales.y.max) continue;
      const y = Math.round(plot.valToPos(value, "y", true));
      ctx.setLineDash((own ? [10, 4] : [3, 4]).map((length) => length * dot));
      ctx.beginPath();
      ctx.moveTo(box.left, y);
      ctx.lineTo(box.left + box.width, y);
      ctx.stroke();
    }
  });
}

/** Small bars along the bottom, under points that something speaks against. */
export function drawDoubts(plot, doubts, colour) {
  within(plot, (ctx, box, dot) => {
    ctx.fillStyle = colour("--warning");
    for (const [ts] of doubts.filter(([at]) => inside(plot, at))) {
      const x = Math.round(plot.valToPos(ts, "x", true));
      ctx.fillRect(x - dot, box.top + box.height - 5 * dot, 2 * dot, 5 * dot);
    }
  });
}

/** The name of each event in the upper part of its lane. */
export function drawLanes(plot, names, colour) {
  within(plot, (ctx, box, dot) => {
    ctx.fillStyle = colour("--muted");
    ctx.font = `${12 * dot}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    for (const [lane, name] of names.entries()) {
      const y = plot.valToPos(laneFloor(lane, names.length) + 0.62, "y", true);
      ctx.fillText(name, box.left + 4 * dot, y);
    }
  });
}
