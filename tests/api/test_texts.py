"""The console's words: the same in every language, and each of them there."""

import re

from alerts.decisions import Reason
from api.accounts import AccountReason, Role
from api.present import AlertState
from api.routes.pages import CONSOLE, LANGUAGES
from community.alert import EventKind
from community.announcements import Decision
from community.approval import Hindrance
from community.estate import DeviceKind, Material
from community.quantities import PHASES, SIGNALS
from community.severity import Category, Severity

STATIC = CONSOLE / "static"


def texts(language: str) -> dict[str, str]:
    """The dictionary of a language."""
    source = (STATIC / "texts" / f"{language}.js").read_text()
    return dict(re.findall(r'^  "([^"]+)": "([^"]*)",$', source, re.MULTILINE))


def test_languages_have_the_same_keys_and_the_same_blanks() -> None:
    english = texts("en")
    assert len(english) > 100
    for language in LANGUAGES:
        other = texts(language)
        assert set(other) == set(english)
        for key in english:
            assert set(re.findall(r"\{\w+\}", other[key])) == set(re.findall(r"\{\w+\}", english[key])), (language, key)


def test_every_key_in_use_has_a_text() -> None:
    used = set()
    for path in [*STATIC.glob("*.js"), *(CONSOLE / "templates").glob("*.html")]:
        source = path.read_text()
        used |= set(re.findall(r'\bt\(\s*"([\w.-]+)"', source))
        used |= set(re.findall(r'data-t(?:-label|-hint)?="([\w.-]+)"', source))
    assert len(used) > 50
    assert used <= set(texts("en"))


def test_every_word_of_the_house_has_a_text() -> None:
    refused = [r for r in Reason if r.value in ("already_acknowledged", "worse_meanwhile", "not_acknowledged")]
    refused += [Reason.STILL_HOLDS, Reason.NOT_LATCHED, Reason.ALREADY_CLOSED, Reason.UNKNOWN_ALERT]
    wanted = (
        {f"event.{kind.value}" for kind in EventKind}
        | {f"severity.{severity.word}" for severity in Severity}
        | {f"category.{category.value}" for category in Category}
        | {f"state.{state.value}" for state in AlertState}
        | {f"material.{material.value}" for material in Material}
        | {f"device.{kind.value}" for kind in DeviceKind}
        | {f"signal.{signal}" for signal in SIGNALS if not signal.endswith(tuple(f"_{phase}" for phase in PHASES))}
        | {f"phase.{phase}" for phase in PHASES}
        | {f"announced.state.{state.value}" for state in Decision}
        | {f"why.{hindrance.value}" for hindrance in Hindrance}
        | {f"role.{role.value}" for role in Role}
        | {f"group.{level}" for level in ("building", "feeder", "phase", "community")}
        | {"guidance.resident", "guidance.responder"}
        | {f"why.{reason.value}" for reason in refused}
        | {f"why.{reason.value}" for reason in AccountReason if reason is not AccountReason.NAME_TAKEN}
    )
    assert wanted <= set(texts("en"))


def test_pages_ask_nothing_of_other_hosts() -> None:
    # What is vendored names its sources in comments; it is held against its sums in test_device_page.py.
    own = [p for p in STATIC.rglob("*.*") if p.is_file() and "vendor" not in p.parts]
    for path in [*own, *(CONSOLE / "templates").glob("*.html")]:
        addresses = set(re.findall(r"https?://[^\s\"'<)]+", path.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name


def test_modules_stay_small() -> None:
    for path in STATIC.glob("*.js"):
        assert len(path.read_text().splitlines()) < 200, path.name
