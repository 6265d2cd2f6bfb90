"""A backtest's report as tables for people."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Column, Table

from community.clock import DAY, format_time
from rules.backtest.alerts import Fired
from rules.backtest.report import Compared, Load, Report, Warned

SHOWN = 15
"""Lines of a table."""

_LOAD: list[tuple[str, Callable[[Load], float]]] = [
    ("alerts", lambda load: load.alerts),
    ("  of them in danger of life", lambda load: load.life),
    ("calls (life, or alarm and worse)", lambda load: load.calls),
    ("calls at night (22 to 06)", lambda load: load.calls_at_night),
    ("calls a night", lambda load: load.calls_a_night),
    ("alerts a shift of 8 h, mean", lambda load: load.per_shift_mean),
    ("  median", lambda load: load.per_shift_median),
    ("  most", lambda load: load.per_shift_most),
    ("alerts a household and year", lambda load: load.per_household_year),
    ("raises in rehearsal (nobody told)", lambda load: load.rehearsed),
]
_WARNED: list[tuple[str, Callable[[Warned], float | None]]] = [
    ("incidents warned of before", lambda warned: warned.before),
    ("  median time of warning, s", lambda warned: warned.median_lead_s),
    ("incidents told within a minute", lambda warned: warned.at_once),
    ("incidents missed", lambda warned: warned.missed),
]


def show(report: Report) -> None:
    """Print the report."""
    out = Console()
    span = report.span
    out.print(
        f"{format_time(span.begin)} to {format_time(span.end)} ({(span.end - span.begin) / DAY:.1f} days), "
        f"{span.households} households, {span.readings:,} readings; warmed up from {format_time(span.warm_up_from)}",
        soft_wrap=True,
    )
    if span.asked is not None and span.asked < span.begin:
        out.print(f"The log begins later than {format_time(span.asked)}.", soft_wrap=True)
    duty = Table("on duty", "old", "new")
    for name, of_load in _LOAD:
        duty.add_row(name, _figure(of_load(report.load_old)), _figure(of_load(report.load_new)))
    for name, of_warned in _WARNED:
        duty.add_row(name, _figure(of_warned(report.warned_old)), _figure(of_warned(report.warned_new)))
    out.print(duty)
    _compared(out, "rule", report.rules)
    _compared(out, "household", report.households)
    _alerts(out, "told no more", report.gone)
    _alerts(out, "new", report.added)
    lost = report.load_old.left_out + report.load_new.left_out
    if lost:
        out.print(f"{lost:,} alerts were too many to be compared.", style="yellow")


def _compared(out: Console, name: str, lines: Sequence[Compared]) -> None:
    if not lines:
        return
    table = Table(
        Column(name, no_wrap=True), "old", "new", "both", "gone", "added", "earlier, s", "lasts old, s", "new, s"
    )
    for line in lines[:SHOWN]:
        counts = (line.old, line.new, line.both, line.only_old, line.only_new)
        times = (line.earlier_s, line.median_old_s, line.median_new_s)
        table.add_row(line.name, *map(str, counts), *map(_figure, times))
    out.print(table)
    if len(lines) > SHOWN:
        out.print(f"... and {len(lines) - SHOWN} more (--json shows them)")


def _alerts(out: Console, title: str, alerts: Sequence[Fired]) -> None:
    if not alerts:
        return
    table = Table(Column(title, no_wrap=True), Column("at", no_wrap=True), "household", "device", "severity", "value")
    for a in alerts[:SHOWN]:
        value = "" if a.value is None else f"{a.value:g} {a.unit}"
        table.add_row(a.rule, format_time(a.raised_at)[:16], a.household, a.device, a.highest, value)
    out.print(table)


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.2f}".rstrip("0").rstrip(".")
