"""What can be read at 2 a.m.: contrast of every pair of colours that the console uses (WCAG 2.2 AA)."""

import re

import pytest

from api.routes.pages import CONSOLE

_CSS = (CONSOLE / "static" / "colours.css").read_text()
THEMES = {
    name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    for name, block in re.findall(r'\[data-theme="(\w+)"\] \{(.*?)\}', _CSS, re.DOTALL)
}

GROUNDS = ("ground", "surface", "raised", "selected", "critical-ground", "alarm-ground")
TEXT = [(ink, ground) for ink in ("text", "muted") for ground in GROUNDS]
SEVERITIES = [
    (ink, ground)
    for ink in ("critical", "alarm", "warning")
    for ground in ("surface", "selected", "critical-ground", "ground")
]
FILLS = [("on-fill", fill) for fill in ("critical", "alarm", "warning", "accent")]
OTHER = [("calm", "ground"), ("calm", "surface"), ("accent", "surface"), ("text", "ground")]
BORDERS = [("control", "surface"), ("control", "ground"), ("control", "raised"), ("accent", "ground")]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_formula() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_has_contrast(theme: str) -> None:
    colours = THEMES[theme]
    found = {(a, b): contrast(colours[a], colours[b]) for a, b in TEXT + SEVERITIES + FILLS + OTHER}
    assert {pair: ratio for pair, ratio in found.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_controls_have_contrast(theme: str) -> None:
    colours = THEMES[theme]
    found = {(a, b): contrast(colours[a], colours[b]) for a, b in BORDERS}
    assert {pair: ratio for pair, ratio in found.items() if ratio < 3} == {}


def test_both_themes_have_the_same_colours_and_no_other_file_has_any() -> None:
    assert set(THEMES["dark"]) == set(THEMES["light"])
    for path in (CONSOLE / "static").glob("*.css"):
        if path.name != "colours.css":
            assert re.findall(r"#[0-9a-f]{6}", path.read_text()) == [], path.name
            used = set(re.findall(r"var\(--([\w-]+)\)", path.read_text())) - {"hue"}
            assert used <= set(THEMES["dark"]), path.name
