// The alerts of a device as a table: what the marks on its charts stand for.

import * as say from "./describe.js";
import { byId, h, setText, shape } from "./dom.js";
import { quantity, t, time } from "./words.js";

/** Show those of `alerts` (null: not to be read) that were raised from `start` to `end`; `most` were asked for. */
export function drawAlertRows(alerts, { start, end }, most) {
  const shown = (alerts ?? []).filter((alert) => alert.raised_at >= start && alert.raised_at <= end);
  const heads = ["raised", "what", "severity", "value"].map((name) => h("th", { scope: "col" }, t(`past.alert.${name}`)));
  byId("alerts-head").replaceChildren(...(shown.length > 0 ? [h("tr", {}, heads)] : []));
  byId("alerts").replaceChildren(...shown.map(row));
  const all = alerts === null ? t("past.alerts.away") : shown.length === 0 ? t("past.alerts.none") : "";
  const oldest = alerts?.at(-1)?.raised_at ?? Infinity;
  setText(byId("alerts-state"), alerts?.length === most && oldest > start ? t("past.alerts.more", { n: most }) : all);
}

function row(alert) {
  const severity = h("span", { class: `severity-${alert.highest}` }, shape(alert.highest), t(`severity.${alert.highest}`));
  return h(
    "tr",
    {},
    h("td", {}, h("time", { datetime: new Date(alert.raised_at).toISOString() }, time(alert.raised_at))),
    h("td", {}, say.title(alert), h("span", { class: "quiet" }, say.state(alert))),
    h("td", {}, severity),
    h("td", {}, alert.value === null ? "" : quantity(alert.value, alert.unit)),
  );
}
