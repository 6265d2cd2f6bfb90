"""What was decided about time: holds, gaps, late readings, standing readings, silence. One example for each."""

import msgspec
import numpy as np
import pytest

from community.frame import Frame, Reading, Tick
from community.severity import Severity
from tests.rules.makers import T0, device, engine, estate, reading, run, series, tick, told


def test_a_hold_needs_two_readings_that_far_apart() -> None:
    e = engine()
    assert run(e, [reading(0, residual_current=15)]) == []
    assert run(e, [reading(59, residual_current=15)]) == []
    (found,) = run(e, [reading(60, residual_current=16)])
    assert (found.rule, found.severity) == ("residual.early", Severity.WARNING)
    assert (found.since, found.ts, found.value, found.threshold) == (T0, T0 + 60_000, 16, 15)
    assert found.evidence["hold_s"] == 60
    assert found.evidence["first_value"] == 15
    assert found.evidence["ratings"] == {"rated_residual": 30}


def test_one_reading_below_begins_the_hold_anew() -> None:
    e = engine()
    items = [reading(0, residual_current=15), reading(30, residual_current=14.9), reading(31, residual_current=15)]
    assert run(e, [*items, reading(90, residual_current=15)]) == []
    assert told(run(e, [reading(91, residual_current=15)])) == [("residual.early", "normal", "warning")]


def test_readings_without_the_signal_do_not_interrupt() -> None:
    e = engine()
    items = [reading(0, residual_current=15), reading(30, voltage=230), reading(60, residual_current=15)]
    assert told(run(e, items)) == [("residual.early", "normal", "warning")]


@pytest.mark.parametrize(("gap", "proven"), [(180, True), (180.001, False)])
def test_a_gap_in_which_anything_may_have_happened_begins_the_hold_anew(gap: float, *, proven: bool) -> None:
    found = run(engine(), [reading(0, residual_current=15), reading(gap, residual_current=15)])
    assert bool(found) is proven


def test_a_backlog_in_order_is_judged_by_its_own_times() -> None:
    e = engine()
    backlog = [reading(t, residual_current=15, received=500) for t in (0, 20, 40)]
    assert run(e, backlog) == []  # received 500 s later, but it lived through 40 s only
    assert told(run(e, [reading(60, residual_current=15, received=500)])) == [("residual.early", "normal", "warning")]


def test_clearing_goes_down_the_steps_that_are_still_held() -> None:
    e = engine()
    run(e, [reading(0, residual_current=25), reading(10, residual_current=25)])
    assert told(run(e, [reading(11, residual_current=31)])) == [("residual.shock", "alarm", "critical")]
    assert told(run(e, [reading(12, residual_current=26.9)])) == [("residual.shock", "critical", "alarm")]
    assert run(e, [reading(13, residual_current=21)]) == []  # the clear level itself is not beyond it
    assert told(run(e, [reading(14, residual_current=20.9)])) == [("residual.shock", "alarm", "normal")]


def test_a_missing_value_holds_the_state() -> None:
    e = engine()
    run(e, [reading(0, residual_current=31)])
    assert run(e, [reading(k, voltage=230) for k in range(1, 100)]) == []
    assert e.levels() == {("d", "residual.shock"): Severity.CRITICAL}


def test_a_late_reading_that_proves_a_danger_by_itself_is_raised_and_returned() -> None:
    e = engine()
    found = run(e, [reading(100, residual_current=2), reading(50, residual_current=40, received=101)])
    assert told(found) == [("residual.shock", "normal", "critical"), ("residual.shock", "critical", "normal")]
    assert all(f.late and f.ts == T0 + 50_000 and f.value == 40 for f in found)
    assert e.levels() == {}


def test_late_findings_of_a_rule_are_a_minute_apart() -> None:
    e = engine()
    run(e, [reading(1_000, residual_current=2)])
    late = [reading(t, residual_current=40, received=1_001) for t in (0, 30, 60, 61, 121, 122)]
    assert [f.ts - T0 for f in run(e, late) if f.severity] == [0, 61_000, 122_000]


def test_a_late_reading_neither_rewinds_nor_proves_a_hold() -> None:
    e = engine()
    run(e, [reading(0, residual_current=15), reading(100, residual_current=15)])
    assert run(e, [reading(50, residual_current=2, received=101)]) == []
    assert e.levels() == {("d", "residual.early"): Severity.WARNING}
    assert run(e, [reading(20, terminal_temperature=75), reading(90, terminal_temperature=75)]) == []


def test_a_late_flag_is_raised_unless_the_flag_is_up_anyway() -> None:
    e = engine(device("d", kind="smoke"))
    run(e, [reading(100, smoke_alarm=1)])
    assert run(e, [reading(50, smoke_alarm=1, received=101)]) == []
    run(e, [reading(110, smoke_alarm=0)])
    assert told(run(e, [reading(60, smoke_alarm=1, received=111)])) == [
        ("smoke.alarm", "normal", "critical"),
        ("smoke.alarm", "critical", "normal"),
    ]


def test_an_equal_time_is_in_order() -> None:
    e = engine()
    assert run(e, [reading(0, voltage=230), reading(0, residual_current=31)])[0].late is False


def test_the_last_reading_of_a_life_rule_stands() -> None:
    e = engine()
    assert run(e, [reading(0, residual_current=25), tick(9)]) == []
    (found,) = run(e, [tick(10)])
    assert (found.rule, found.ts, found.since, found.value) == ("residual.shock", T0 + 10_000, T0, 25)
    assert found.evidence["proof"] == "held by last reading"


def test_it_does_not_stand_for_other_categories_nor_when_it_came_late_nor_for_ever() -> None:
    assert run(engine(), [reading(0, residual_current=15), tick(60), tick(70)]) == []  # deterioration
    assert run(engine(), [reading(0, received=10.001, residual_current=25), tick(20)]) == []
    assert run(engine(), [reading(0, residual_current=200), tick(61)]) == [
        *run(engine(), [reading(0, residual_current=200)])
    ]  # its hold ends when the reading no longer stands


def test_the_worst_phase_decides_and_each_has_its_own_hold() -> None:
    e = engine()
    assert run(e, [reading(0, voltage_l1=260, voltage_l2=230), reading(40, voltage_l2=260)]) == []
    (found,) = run(e, [reading(60, voltage_l1=254, voltage_l2=262)])
    assert (found.evidence["signal"], found.value) == ("voltage_l1", 254)
    assert run(e, [reading(61, voltage_l1=230), reading(100, voltage_l2=262)]) != []


def test_rows_of_one_device_in_one_frame_are_taken_in_order() -> None:
    rows = series("residual_current", [15] * 7, every=10)
    assert told(engine().apply(Frame.from_readings(rows))) == [("residual.early", "normal", "warning")]


def test_a_tick_that_nobody_recorded_judges_only_who_was_heard() -> None:
    def made(seconds: float) -> Tick:
        return Tick(T0 + round(seconds * 1000), unheard=False)

    e = engine(device("spoke"), device("never"))
    found = run(e, [made(0), reading(1, "spoke", voltage=230), *(made(s) for s in range(2, 400))])
    assert {f.device for f in found} == {"spoke"}
    assert {f.device for f in run(e, [tick(400)])} == {"never"}


def test_a_device_that_never_reported_is_found() -> None:
    found = run(engine(), [tick(t) for t in (0, 89, 90, 179, 180)])
    assert told(found) == [("device.silent", "normal", "warning"), ("device.silent", "warning", "alarm")]
    assert [f.ts - T0 for f in found] == [90_000, 180_000]
    assert found[0].value is None
    assert found[0].since == T0


def test_our_own_deafness_is_not_the_devices() -> None:
    e = engine()
    assert run(e, [tick(0), reading(1, voltage=230), tick(500, listening=450)]) == []
    assert told(run(e, [tick(540, listening=450)])) == [("device.silent", "normal", "warning")]


def test_deafness_does_not_end_a_silence_but_speech_does() -> None:
    e = engine()
    run(e, [tick(0), tick(200)])
    assert run(e, [tick(201, listening=201)]) == []
    assert told(run(e, [reading(202, voltage=230)])) == [("device.silent", "alarm", "normal")]


def test_a_last_will_counts_after_a_minute_unless_the_device_speaks() -> None:
    e = engine()
    assert run(e, [tick(0), reading(1, voltage=230), reading(5, online=0), tick(64)]) == []
    (found,) = run(e, [tick(65)])
    assert (found.severity, found.evidence["proof"]) == (Severity.ALARM, "last will")
    assert told(run(e, [reading(66, online=1)])) == [("device.silent", "alarm", "normal")]
    assert run(e, [reading(67, online=0), reading(70, voltage=230), tick(130)]) == []


def test_a_last_will_is_no_sign_of_life_and_makes_no_reading_late() -> None:
    e = engine()
    run(e, [tick(0), reading(80, online=0)])
    assert told(run(e, [tick(90)])) == [("device.silent", "normal", "warning")]
    found = run(e, [reading(50, received=91, residual_current=31)])
    assert [f.late for f in found if f.rule == "residual.shock"] == [False]


def test_battery_devices_may_be_silent_for_their_interval_and_an_hour() -> None:
    e = engine(device("d", kind="smoke"))
    assert run(e, [tick(0), reading(0, battery=90), tick(25 * 3_600 - 1)]) == []
    assert told(run(e, [tick(25 * 3_600)])) == [("device.silent", "normal", "alarm")]


def test_ticks_without_readings_are_passed_quickly_with_the_same_result() -> None:
    dense = run(engine(), [tick(t) for t in range(400)])
    assert told(dense) == told(run(engine(), [tick(0), tick(90), tick(180)]))
    again = engine()
    run(again, [tick(t) for t in range(80)])
    assert told(run(again, [tick(100, listening=85)])) == []
    assert told(run(again, [tick(175, listening=85)])) == [("device.silent", "normal", "warning")]


def test_reset_withdraws_the_flags_of_its_device_only() -> None:
    e = engine(device("d", kind="smoke"), device("other", kind="smoke"))
    run(e, [reading(0, smoke_alarm=1, fault=1), reading(0, "other", smoke_alarm=1)])
    assert told(run(e, [reading(1, reset=1)])) == [
        ("smoke.alarm", "critical", "normal"),
        ("device.fault", "warning", "normal"),
    ]
    assert e.levels() == {("other", "smoke.alarm"): Severity.CRITICAL}


def test_test_mute_and_restart_raise_nothing() -> None:
    assert run(engine(), [reading(0, test=1), reading(1, mute=1), reading(2, restart=1)]) == []


def test_a_removed_device_returns_to_normal() -> None:
    e = engine(device("d"), device("other"))
    run(e, [reading(0, residual_current=31), reading(0, "other", residual_current=31)])
    found = e.change_estate(estate(device("other")))
    assert [(f.device, f.severity, f.previous) for f in found] == [("d", Severity.NORMAL, Severity.CRITICAL)]
    assert found[0].evidence["reason"] == "device removed"
    assert e.levels() == {("other", "residual.shock"): Severity.CRITICAL}
    assert run(e, [reading(1, residual_current=50)]) == []
    assert e.unknown_readings == 1


def test_new_ratings_keep_the_state_and_change_the_limits() -> None:
    e = engine()
    run(e, [reading(0, residual_current=28)])
    assert e.change_estate(estate(device(ratings={"rated_residual": 20}, household="h2"))) == []
    (found, *_) = run(e, [reading(1, residual_current=28)])
    assert (found.severity, found.threshold, found.household) == (Severity.CRITICAL, 20, "h2")
    (shock,) = e.change_estate(estate(device(ratings={"rated_residual": 300})))
    assert shock.evidence["reason"] == "rule no longer applies"


def test_a_new_device_enters_with_the_next_tick() -> None:
    e = engine()
    run(e, [tick(0), reading(1_000, voltage=230)])
    e.change_estate(estate(device(), device("new")))
    assert run(e, [tick(1_001), tick(1_080)]) == []
    found = run(e, [reading(1_081, voltage=230), tick(1_091)])
    assert [f.device for f in found] == ["new"]


def test_a_frame_that_points_beyond_its_devices_is_refused() -> None:
    good = Frame.from_readings([Reading("d", T0, T0, {"voltage": 230.0})])
    bad = Frame((), good.signals, good.device_column, good.ts_column, good.received_column, good.value_matrix)
    with pytest.raises(ValueError, match="beyond its devices"):
        engine().apply(bad)


def test_more_findings_than_room_are_all_told() -> None:
    homes = [device(f"d{k}", kind="smoke") for k in range(3_000)]
    e = engine(*homes)
    rows = [reading(0, d.id, smoke_alarm=1, fault=1, gas_alarm=1) for d in homes]
    found = e.apply(Frame.from_readings(rows))
    assert len(found) == 9_000
    assert [f.rule for f in found[:3]] == ["smoke.alarm", "gas.alarm", "device.fault"]
    assert found == engine(*homes).apply(Frame.from_readings(rows))


def test_a_silence_that_ends_was_allowed_nothing() -> None:
    silent, spoke = run(engine(), [tick(0), tick(500), reading(501, voltage=230)])
    assert silent.evidence["allowed_s"] == 180
    assert "allowed_s" not in spoke.evidence


def test_a_standing_reading_tells_first_and_peak() -> None:
    e = engine()
    (found,) = run(
        e, [reading(0, residual_current=26), reading(5, residual_current=28), reading(6, residual_current=25), tick(10)]
    )
    numbers = {k: found.evidence[k] for k in ("value", "first_value", "peak", "gap_s")}
    assert numbers == {"value": 25, "first_value": 26, "peak": 28, "gap_s": 4}


def test_rows_of_a_frame_without_the_signal_do_not_interrupt_either() -> None:
    rows = [reading(0, residual_current=15), reading(30, voltage=230), reading(60, residual_current=15)]
    assert told(engine().apply(Frame.from_readings(rows))) == [("residual.early", "normal", "warning")]


def test_a_late_reading_was_preceded_by_no_gap() -> None:
    e = engine()
    raised, returned = run(e, [reading(100, residual_current=2), reading(50, residual_current=40, received=101)])
    assert (raised.evidence["gap_s"], raised.since, raised.evidence["step"]) == (0, raised.ts, 2)
    assert returned.late


def test_a_last_will_is_looked_at_in_time_even_if_the_device_was_just_seen() -> None:
    # Several, as devices are looked at again at times that depend on their number.
    names = "abcdefghi"
    e = engine(*(device(name) for name in names))
    spoke = [reading(1, name, voltage=230) for name in names]
    wills = [reading(5, name, online=0) for name in names]
    assert run(e, [tick(0), *spoke, tick(2), *wills, tick(64)]) == []
    assert told(run(e, [tick(65)])) == [("device.silent", "normal", "alarm")] * len(names)


def test_a_device_that_speaks_beside_anothers_last_will_is_well() -> None:
    e = engine(device("a"), device("b"))
    run(e, [tick(0), reading(1, "a", voltage=230), reading(1, "b", voltage=230), reading(5, "a", online=0)])
    e.apply(Frame.from_readings([reading(10, "a", voltage=230), reading(10, "b", online=0)]))
    assert {f.device for f in run(e, [tick(75)])} == {"b"}


@pytest.mark.parametrize("number", [-1, 1])
def test_a_frame_whose_device_numbers_point_beyond_its_devices_is_refused_whole(number: int) -> None:
    e = engine()
    frame = Frame.from_readings([reading(0, residual_current=31), reading(1, residual_current=31)])
    with pytest.raises(ValueError, match="points beyond"):
        e.apply(msgspec.structs.replace(frame, device_column=np.array([0, number], "<i4").tobytes()))
    assert e.levels() == {}


def test_each_of_several_silences_goes_on_from_its_own_step() -> None:
    e = engine(device("a"), device("b"), device("c"))
    steps = [("device.silent", "normal", "warning")] * 3, [("device.silent", "warning", "alarm")] * 3
    assert (told(run(e, [tick(0), tick(90)])), told(run(e, [tick(180)]))) == steps
    wills = [reading(181, name, online=0) for name in "abc"]
    assert run(e, [*wills, tick(300), tick(301)]) == []
