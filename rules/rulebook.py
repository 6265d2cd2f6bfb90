"""The rulebook: rules as data, and what they are for a device by the overrides that hold for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from community.estate import Device, Estate
from community.file_faults import FileError
from rules.errors import RulebookErrors
from rules.kinds.definition import RuleBase, content_hash
from rules.overrides import Override, OverrideIndex, matches, resolve, strangers
from rules.reading import Source, read_rulebook

Rule = RuleBase
"""A rule of any kind."""

_MOST_RESOLVED = 50_000
"""Resolved rules remembered; when full, all are forgotten and made again as they are asked for."""


@dataclass(frozen=True)
class Rulebook:
    """Rules in the order of their file, and overrides in theirs; ids differ."""

    rules: tuple[Rule, ...]
    overrides: tuple[Override, ...] = ()
    _resolved: dict[tuple[int, tuple[int, ...]], Rule | None] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def version(self) -> str:
        """Hash of all definitions and overrides."""
        return content_hash([*self.versions, *(o.describe() for o in self.overrides)])

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Each rule's own version, by number, without overrides."""
        return tuple(r.version for r in self.rules)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Rule id → number."""
        return {r.id: n for n, r in enumerate(self.rules)}

    def resolved(self, number: int, overrides: tuple[int, ...]) -> Rule | None:
        """A rule as it holds where these overrides do (see `overrides_for`); None if they disable it."""
        key = number, tuple(n for n in overrides if number in self._meant[n])
        if not key[1]:
            return self.rules[number]
        if key not in self._resolved:
            if len(self._resolved) >= _MOST_RESOLVED:
                self._resolved.clear()
            self._resolved[key] = resolve(self.rules[number], [self.overrides[n] for n in key[1]])
        return self._resolved[key]

    def overrides_for(self, estate: Estate, device: Device) -> tuple[int, ...]:
        """Numbers of the overrides that hold for a device, weakest first."""
        return self._index.applying(estate, device)

    def overrides_of(self, number: int) -> list[Override]:
        """The overrides that mean a rule."""
        return [o for o, meant in zip(self.overrides, self._meant, strict=True) if number in meant]

    def strangers(self, estate: Estate) -> list[str]:
        """What overrides name and the estate does not know, such as `place b9`."""
        return strangers(self.overrides, estate)

    def describe(self) -> list[dict[str, Any]]:
        """The rules as JSON-ready objects, each with its `version`; guidance only for the roles that have some."""
        return [
            {
                **r.model_dump(mode="json"),
                "guidance": r.guidance.model_dump(mode="json", exclude_none=True),
                "version": r.version,
            }
            for r in self.rules
        ]

    @cached_property
    def _index(self) -> OverrideIndex:
        return OverrideIndex(self.overrides)

    @cached_property
    def _meant(self) -> tuple[frozenset[int], ...]:
        """For each override the numbers of the rules that it means."""
        return tuple(frozenset(n for n, r in enumerate(self.rules) if matches(o.rule, r.id)) for o in self.overrides)


def standard_rulebook() -> Rulebook:
    """The standard pack, `rules/packs/standard`."""
    return _standard()


@cache
def _standard() -> Rulebook:
    return Rulebook(*read_rulebook(standard_sources()))


def standard_sources() -> Sequence[Source]:
    """The files of the standard pack, in the order of their names."""
    pack = files("rules.packs").joinpath("standard")
    found = sorted((f for f in pack.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return [Source(f.name, f.read_text(encoding="utf-8")) for f in found]


def standard_text() -> str:
    """The standard pack as one text, which `load_rulebook` reads to the same rules."""
    return "\n".join(source.text for source in standard_sources())


def load_rulebook(text: str, source: str, standard: str | None = None) -> Rulebook:
    """Read a rulebook: TOML with `[[rule]]` and `[[override]]` tables.

    With `extends = "standard"` at its top the standard rules come first; a rule of the text with the id of one of
    them takes its place.

    Args:
        source: name of the file, for messages.
        standard: the text that `extends = "standard"` means; None: the pack of this release. A stored rulebook is
            read with the pack of its own time.

    Raises:
        RulebookErrors: with every fault found; nothing of a wrong rulebook is used.
    """
    base = standard_sources if standard is None else lambda: [Source("standard.toml", standard)]
    return Rulebook(*read_rulebook([Source(source, text)], base))


__all__ = [
    "FileError",
    "Override",
    "Rule",
    "Rulebook",
    "RulebookErrors",
    "load_rulebook",
    "standard_rulebook",
    "standard_text",
]
