"""How an alert about many homes is shown."""

import pytest

from api.models import Where
from api.present import alert_view
from community.alert import Alert
from community.severity import Category, Severity
from tests.api.house import small_estate


def of(device: str, household: str = "") -> Alert:
    return Alert(
        id="a",
        rule="supply.outage",
        rule_version="v",
        category=Category.SUPERVISORY,
        device=device,
        household=household,
        community="xijiang",
        incident=f"{device}@1",
        severity=Severity.ALARM,
        highest=Severity.ALARM,
        acknowledged=False,
        latched=False,
        raised_at=1,
    )


@pytest.mark.parametrize(
    ("device", "level", "name", "place"),
    [
        ("feeder:f1", "feeder", "f1", "xijiang"),
        ("phase:f1/l2", "phase", "f1/l2", "xijiang"),
        ("feeder:东线:1", "feeder", "东线:1", "xijiang"),
        ("building:yangpai", "building", "羊排", "yangpai"),
        ("community:xijiang", "community", "西江", "xijiang"),
        ("building:gone", "building", "gone", "xijiang"),
    ],
)
def test_an_alert_about_a_group_is_shown_with_its_name_and_place(
    device: str, level: str, name: str, place: str
) -> None:
    where = Where.model_validate(alert_view(of(device), small_estate())["where"])
    assert where.group is not None
    assert (where.group.level, where.group.name) == (level, name)
    assert where.place[-1].id == place
    assert (where.household_name, where.device_kind, where.position) == ("", None, None)


def test_an_alert_about_one_home_has_no_group() -> None:
    where = Where.model_validate(alert_view(of("e0001", "h0001"), small_estate())["where"])
    assert where.group is None
    assert where.place[-1].id == "dongyin"
