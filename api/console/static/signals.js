// Signals: which are events, what limits what, and their names.

import { has, t } from "./words.js";

// `EVENTS` of community/quantities.py; test_device_page.py holds one against the other.
export const EVENTS = new Set(
  `
  fire_alarm smoke_alarm heat_alarm co_alarm gas_alarm water_alarm arc_alarm residual_alarm overload_alarm
  short_circuit_alarm temperature_alarm overvoltage_alarm undervoltage_alarm trip manual_call test mute tamper
  battery_low fault end_of_life restart reset power_lost online early_warning clock_fault sensor_fault
  contradiction rate_limited
  `.trim().split(/\s+/),
);

// What a device is set to is shown where it counts: as a line in the chart of what it limits.
export const OWN_LIMITS = {
  residual_current: ["residual_limit"],
  current: ["current_limit"],
  voltage: ["overvoltage_limit", "undervoltage_limit"],
  terminal_temperature: ["temperature_limit"],
  active_power: ["power_limit"],
};
const LIMITS = new Set(Object.values(OWN_LIMITS).flat());

/** The quantity and the phase of a signal: `voltage_l2` → `["voltage", "l2"]`. */
export function parted(signal) {
  const found = /^(.+)_(l1|l2|l3|n)$/.exec(signal);
  return found ? [found[1], found[2]] : [signal, null];
}

/** A signal for people: `Voltage L2`. */
export function signalName(signal) {
  const [base, phase] = parted(signal);
  const name = has(`signal.${base}`) ? t(`signal.${base}`) : base;
  return phase === null ? name : `${name} ${t(`phase.${phase}`)}`;
}

/** Signals in charts: one for each quantity with its phases, and at the end one for all events. */
export function charts(signals) {
  const groups = new Map();
  for (const signal of signals.filter((one) => !LIMITS.has(one))) {
    const group = EVENTS.has(signal) ? "events" : parted(signal)[0];
    groups.set(group, [...(groups.get(group) ?? []), signal]);
  }
  const last = ([group]) => Number(group === "events");
  return [...groups].sort((a, b) => last(a) - last(b)).map(([group, members]) => ({ group, signals: members.sort() }));
}
