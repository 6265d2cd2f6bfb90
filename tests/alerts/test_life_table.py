"""The page about alerts says what the decisions do."""

from pathlib import Path

from alerts.decisions import Reason
from alerts.life_table import BEGIN, END, life_table, rewrite

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text("utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert rewrite(page) == page, "run: python -m alerts.life_table docs/alerts.md"


def test_the_table_tells_of_every_state() -> None:
    table = life_table()
    for letter in "ABCDEF":
        assert f"({letter})**" in table
    assert f"refused: `{Reason.STILL_HOLDS.value}`" in table
