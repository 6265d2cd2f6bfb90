"""The estate file: every fault told at once, and a round trip."""

import pytest
from hypothesis import given

from community.estate import Estate
from community.estate_file import EstateError, EstateErrors, dump_estate, load_estate
from tests.community.estates import estates

GOOD = """
[[place]]
id = "xijiang"
kind = "community"
[[household]]
id = "h0001"
place = "xijiang"
[[device]]
id = "d0001"
household = "h0001"
kind = "electrical_protector"
ratings = { nominal_voltage = 230, rated_current = 32, rated_residual = 30 }
"""


def faults(text: str) -> list[EstateError]:
    with pytest.raises(EstateErrors) as refused:
        load_estate(text, "estate.toml")
    return list(refused.value.errors)


def only(text: str) -> EstateError:
    (fault,) = faults(text)
    return fault


def test_the_least_file_of_the_contract() -> None:
    estate = load_estate(GOOD, "estate.toml")
    device = estate.devices["d0001"]
    assert (device.profile, device.ratings.rated_current, device.reporting_interval) == ("native", 32, 60)
    assert estate.topic_of(device) == "mingluo/v1/xijiang/h0001/d0001"


def test_an_empty_file_is_an_empty_estate_and_a_byte_order_mark_is_no_fault() -> None:
    assert load_estate("", "x") == Estate()
    assert load_estate("\ufeff" + GOOD, "x") == load_estate(GOOD, "x")


@given(estates())
def test_written_and_read_again_it_is_the_same(estate: Estate) -> None:
    assert load_estate(dump_estate(estate), "dump") == estate


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "message", "expected"),
    [
        ('kind = "community"', 'kind = "vilage"', 4, "place[xijiang].kind", "vilage", "community"),
        ('kind = "community"', 'kinds = "community"', 4, "place[xijiang].kinds", "unknown key", "'kind'?"),
        ('place = "xijiang"', 'place = "xijang"', 7, "household[h0001].place", "no place", "'xijiang'"),
        ('place = "xijiang"', "", 5, "household[h0001].place", "is missing", "[[place]]"),
        ('household = "h0001"', "", 8, "device[d0001].household", "is missing", "[[household]]"),
        ('household = "h0001"', 'household = "h001"', 10, "device[d0001].household", "no household", "'h0001'"),
        ('id = "d0001"', 'id = "d/1"', 9, "device[d/1].id", "'d/1'", "letters, digits"),
        ('id = "d0001"', "", 8, "device[#1].id", "is missing", "letters, digits"),
        ("rated_current = 32", 'rated_current = "32"', 12, "device[d0001].ratings.rated_current", "'32'", "a number"),
        ("rated_current = 32", "rated_current = 0", 12, "device[d0001].ratings.rated_current", "is 0", "above 0"),
        ("rated_current = 32", "rated_current = nan", 12, "device[d0001].ratings.rated_current", "nan", "finite"),
        ("rated_current", "rated_curent", 12, "device[d0001].ratings.rated_curent", "unknown", "'rated_current'?"),
        ('id = "h0001"', 'id = "h0001"\nposition = [108.17, 26.49]', 7, "household[h0001].position", "swapped", "90"),
        ('id = "h0001"', 'id = "h0001"\nposition = [26.49]', 7, "household[h0001].position", "[26.49]", "latitude"),
        ('id = "h0001"', 'id = "h0001"\nneeds_help = 1', 7, "household[h0001].needs_help", "is 1", "true or false"),
        ('id = "h0001"', 'id = "h0001"\nnotes = 2026-11-22', 7, "household[h0001].notes", "2026-11-22", "text"),
        ('id = "h0001"', 'id = "h0001"\nmay_wander = 1', 7, "household[h0001].may_wander", "is 1", "true or false"),
        (
            '"community"',
            '"community"\ntimezone = "Asia/Shangai"',
            5,
            "place[xijiang].timezone",
            "no time",
            "'Asia/Shang",
        ),
        ('"community"', '"community"\ntimezone = "Asia"', 5, "place[xijiang].timezone", "no time zone", "IANA"),
        ('"community"', '"community"\ntimezone = "../etc"', 5, "place[xijiang].timezone", "no time zone", "IANA"),
        ('"community"', '"community"\ntimezone = 8', 5, "place[xijiang].timezone", "is 8", "IANA"),
        ("[[device]]", 'place = "x"\n[[device]]', 8, "", "overwrite", "TOML"),
        ("[[place]]", "[[place]", 2, "", "Expected", "TOML"),
        ("[[place]]", "color = 3\n[[place]]", 2, "color", "unknown key", "place, household, device"),
    ],
)
def test_each_fault_is_named_with_its_line(
    old: str, new: str, line: int, field: str, message: str, expected: str
) -> None:
    found = {f.field: f for f in faults(GOOD.replace(old, new, 1))}  # a misspelt key is also a missing one
    fault = found[field]
    assert (fault.file, fault.line) == ("estate.toml", line)
    assert message in fault.message
    assert expected in fault.expected
    assert str(fault).startswith(f"estate.toml:{line}: ")


def test_all_faults_come_at_once_in_the_order_of_lines() -> None:
    text = GOOD.replace('"community"', '"town"').replace('"xijiang"\n[[d', '"nowhere"\n[[d').replace("230", "12")
    found = faults(text)
    assert [f.line for f in found] == [4, 7, 12]
    assert str(EstateErrors(tuple(found))).count("\n") == 2


def test_duplicate_ids() -> None:
    fault = only(GOOD + '[[device]]\nid = "d0001"\nhousehold = "h0001"\nkind = "smoke"\n')
    assert (fault.line, fault.field) == (14, "device[d0001].id")
    assert "number 1" in fault.message


def test_a_profile_that_nobody_has_is_a_fault_where_the_names_are_known() -> None:
    text = GOOD + 'profile = "tasmotta"\n[[bridge]]\nid = "b1"\nprofile = "quite another"\n'
    assert load_estate(text, "x").devices["d0001"].profile == "tasmotta"
    with pytest.raises(EstateErrors) as refused:
        load_estate(text, "estate.toml", {"native", "tasmota"})
    near, far = refused.value.errors
    assert str(near) == (
        "estate.toml:13: device[d0001].profile: there is no profile 'tasmotta'; "
        "expected a name of `mingluo profiles list`; the nearest is 'tasmota'"
    )
    assert (far.line, far.field, "nearest" in far.expected) == (16, "bridge[b1].profile", False)
    assert load_estate(text, "x", {"tasmotta", "quite another"}).bridges["b1"]


def place(name: str, kind: str, parent: str) -> str:
    return f'[[place]]\nid = "{name}"\nkind = "{kind}"\nparent = "{parent}"\n'


def test_a_building_contains_no_district() -> None:
    fault = only('[[place]]\nid = "a"\nkind = "building"\n' + place("b", "district", "a"))
    assert (fault.line, fault.message) == (7, "a district cannot stand in a building")


def test_a_circle_of_places_is_told_once() -> None:
    text = place("a", "building", "c") + place("b", "building", "a") + place("c", "building", "b")
    circles = [f for f in faults(text) if "circle" in f.message]
    assert [f.message for f in circles] == ["a circle of places: a in c in b in a"]
    assert "circle of places: a in a" in faults(place("a", "building", "a"))[0].message


def test_a_secret_is_never_printed() -> None:
    fault = only(GOOD + 'secret = "geheim"\n')
    assert fault.field == "device[d0001].secret"
    assert "geheim" not in str(fault)
    assert "at least 8" in fault.expected


@pytest.mark.parametrize("text", ["a = " + "[" * 3_000 + "]" * 3_000, "a = " + "9" * 5_000, 'a = "'])
def test_hostile_text_is_refused(text: str) -> None:
    assert only(text).expected == "TOML"
