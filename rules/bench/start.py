"""What a start does until the first readings are judged, and nothing else: `mingluo bench engine` times it."""

from community.estate import partition_of
from community.frame import Tick
from rules.bench.village import ALL_SIGNALS, Readings, village
from rules.engine import Engine
from rules.rulebook import standard_rulebook


def first_batch() -> None:
    """Judge the first readings of a hundred devices by the standard pack."""
    engine = Engine(standard_rulebook(), village(100), partition_of("village"))
    readings = Readings(100, 100, ALL_SIGNALS)
    for frame in readings.frames(2):
        engine.apply(frame)
    engine.tick(Tick(readings.now))
