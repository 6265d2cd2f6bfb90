"""Plans as tables, and what a plan may not say."""

from typing import Any

import pytest

from community.quantities import SIGNALS
from gateway.columnar.plan import Kind, Plan, PlanField, native_plan
from gateway.columnar.plans import Plans
from gateway.columnar.scan import FAST, SLOW
from gateway.values import FLAGS
from tests.gateway.columnar.twin import Read, scan_all

ON = PlanField(path=("on",), kind=Kind.FLAG, column=1)


def test_the_native_plan_has_every_signal_once() -> None:
    fields = {f.path: f for f in native_plan().fields}
    for column, name in enumerate(SIGNALS):
        f = fields.pop(("values", name))
        assert f.column == column
        assert (f.kind is Kind.FLAG) == (name in FLAGS)
    assert set(fields) == {("ts",), ("seq",)}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"path": ("on",)}, "one field"),
        ({"path": ()}, "below the root"),
        ({"kind": Kind.NODE}, "of a kind"),
        ({"column": -1}, "have a column"),
        ({"kind": Kind.TIME}, "nothing else has"),
        ({"kind": Kind.ENUM, "words": {"On": 1}}, "lower case"),
    ],
)
def test_plans_that_contradict_themselves_are_refused(more: dict[str, Any], said: str) -> None:
    field = PlanField(**{"path": ("x",), "kind": Kind.NUMBER, "column": 0, **more})
    with pytest.raises(ValueError, match=said):
        Plans.compile([Plan([ON, field])])


def test_no_plans_at_all() -> None:
    plans = Plans.compile([])
    assert len(plans) == 0
    assert plans.most == 0


def test_plans_do_not_share_their_keys() -> None:
    plans = [Plan([PlanField(path=("a", "b"), kind=Kind.NUMBER, column=i)]) for i in range(3)]
    plans.append(Plan([PlanField(path=("b",), kind=Kind.NUMBER, column=9)]))
    for i, plan in enumerate(plans):
        (found,) = scan_all([b'{"a":{"b":1},"b":2}'], plans, i)
        assert isinstance(found, Read)
        assert [column for column, _ in found.values] == [plan.fields[0].column]


def test_many_keys_are_all_found() -> None:
    """Most of them meet others in the hash table; in two orders, so that guessing the next one fails too."""
    keys = [f"{'k' * (i % 20)}{i}" for i in range(600)]
    plan = Plan([PlanField(path=("deep", key), kind=Kind.NUMBER, column=i) for i, key in enumerate(keys)])
    there, back = (",".join(f'"{key}":{key.strip("k")}' for key in order) for order in (keys, keys[::-1]))
    payloads = [f'{{"deep":{{{text},"k601":1}}}}'.encode() for text in (there, back, there)]
    for found in scan_all(payloads, [plan]):
        assert isinstance(found, Read)
        assert sorted(column for column, _ in found.values) == list(range(600))


@pytest.mark.parametrize("key", ['quo"te', "back\\slash", "line\nbreak", "\udc80", "\0"])
def test_keys_that_need_escapes_go_slow_wherever_they_might_be(key: str) -> None:
    plan = Plan([ON, PlanField(path=("x", key, "y"), kind=Kind.NUMBER, column=0)])
    escaped = "".join(f"\\u{ord(c):04x}" for c in key)
    texts = [f'{{"on":1,"x":{{"{escaped}":{{"y":2}}}}}}', '{"on":1,"x":{}}', '{"on":1,"z":{"\\n":1}}']
    slow, empty, elsewhere = scan_all([text.encode() for text in texts], [plan])
    assert slow == SLOW
    assert isinstance(empty, Read)
    assert isinstance(elsewhere, Read)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"on":1,"s":{"a":1}}', FAST),
        ('{"on":1}', FAST),
        ('{"on":1,"s":{}}', FAST),
        ('{"on":1,"s":{"b":1}}', SLOW),
        ('{"on":1,"s":null}', SLOW),
        ('{"on":1,"s":[]}', SLOW),
        ('{"on":null,"s":{}}', SLOW),
        ('{"on":1,"b":{"c":1}}', FAST),
    ],
)
def test_strict_objects_have_no_unknown_keys(text: str, status: int) -> None:
    plan = Plan([ON, PlanField(path=("s", "a"), kind=Kind.NUMBER, column=0)], strict=(("s",),))
    (found,) = scan_all([text.encode()], [plan])
    assert (SLOW if found == SLOW else FAST) == status
