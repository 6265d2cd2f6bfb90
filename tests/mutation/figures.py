"""What came out, kept from run to run and told in docs/mutation-testing.md."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.mutation.modules import MODULES
from tests.mutation.mutants import Mutant
from tests.mutation.trial import Outcome

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"
EQUIVALENT = HERE / "equivalent.toml"
PAGE = HERE.parent.parent / "docs" / "mutation-testing.md"
BEGIN, END = "<!-- figures: made by `make mutants` -->", "<!-- end of figures -->"

Figures = dict[str, dict[str, Any]]
"""By module: date, seed, kernel mutants there are, counts by outcome, survivors that are described."""


def equivalents() -> dict[str, dict[str, str]]:
    """Mutants that change nothing that anybody could see: by module, key to the reason."""
    read: dict[str, dict[str, str]] = tomllib.loads(EQUIVALENT.read_text())
    return read


def summary(date: str, seed: int, total: int, tried: Sequence[tuple[Mutant, Outcome]]) -> dict[str, Any]:
    """One module's figures, JSON-ready."""
    return {
        "date": date,
        "seed": seed,
        "total": total,
        "tried": len(tried),
        "killed": sum(o is Outcome.KILLED for _, o in tried),
        "timed_out": sum(o is Outcome.TIMED_OUT for _, o in tried),
        "survivors": {m.key: f"`{m.function}`: `{m.before}` → `{m.after}`" for m, o in tried if o is Outcome.SURVIVED},
    }


def kept() -> Figures:
    """The figures of earlier runs."""
    known: Figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    return known


def without(figures: dict[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """A module's figures after its survivors were tried again, with what came out then."""
    return figures | {
        "killed": figures["killed"] + found["killed"],
        "timed_out": figures["timed_out"] + found["timed_out"],
        "survivors": found["survivors"],
        "date": found["date"],
    }


def keep(new: Figures) -> None:
    """Put new figures in the place of older ones of the same modules, here and on the page."""
    known = kept() | new
    known = {name: known[name] for name in MODULES if name in known}
    FIGURES.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{page(known, equivalents())}\n\n{END}{after}")


def page(figures: Figures, reasons: Mapping[str, Mapping[str, str]]) -> str:
    """Table and survivors as Markdown."""
    lines = [
        "| Module | Mutants | Tried | Killed | Timed out | Equivalent | Survived | Date, seed |",
        "| --- | --: | --: | --: | --: | --: | --: | --- |",
    ]
    sums = [0] * 6
    for name, f in figures.items():
        equivalent = sum(key in reasons.get(name, {}) for key in f["survivors"])
        numbers = [f["total"], f["tried"], f["killed"], f["timed_out"], equivalent, len(f["survivors"]) - equivalent]
        sums = [a + b for a, b in zip(sums, numbers, strict=True)]
        lines.append(f"| `{name}` | {' | '.join(map(str, numbers))} | {f['date']}, {f['seed']} |")
    lines += [f"| all | {' | '.join(map(str, sums))} | |", "", "### Survivors", ""]
    for name, f in figures.items():
        lines += [
            f"* `{name}` {key}, {text}: {reasons.get(name, {}).get(key, '**survived**')}"
            for key, text in f["survivors"].items()
        ]
    return "\n".join(lines)
