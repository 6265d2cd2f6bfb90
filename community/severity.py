"""How bad, and what kind of bad. Severity decides how fast people are told, category how."""

from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """An alert's severity. `NORMAL` means that the condition does not hold."""

    NORMAL = 0
    WARNING = 1
    ALARM = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The name that goes out: `normal`, `warning`, `alarm`, `critical`."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> "Severity":
        """The severity named `word`.

        Raises:
            KeyError: for a word that names none.
        """
        return cls[word.upper()]


class Category(StrEnum):
    """What kind of response an alert asks for.

    LIFE: fire, smoke, CO, gas, arc, shock-level leakage. Never delayed, grouped or shelved; latched until reset.
    DETERIORATION: warming terminals, drifting leakage, overload. Becomes a work order.
    SUPERVISORY: device offline, tamper, battery, implausible sensor.
    WELFARE: no sign of life, a door opened at night.
    """

    LIFE = "life"
    DETERIORATION = "deterioration"
    SUPERVISORY = "supervisory"
    WELFARE = "welfare"
