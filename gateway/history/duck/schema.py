"""The tables of the catalogue, and what the columns of a file of readings or roll-ups are called.

A row of a head or of a raw file is one reading: `device`, `ts`, `received_at`, `flags`, and a column for each signal
that occurs there (`column`). A row of a roll-up stands for one signal of one device over one minute or hour. Its fields
are partials: several rows of the same (`device`, `signal`, `ts`) may stand in one or several files, and are merged when
they are read (`PARTIALS`, `MERGED`).
"""

from community.clock import DAY
from gateway.history.store import Resolution

SCHEMA = 1

TABLES = """
CREATE TABLE meta (schema INTEGER NOT NULL);
CREATE TABLE position (position BIGINT NOT NULL);
CREATE TABLE device (id INTEGER NOT NULL, name VARCHAR NOT NULL);
CREATE TABLE signal (id SMALLINT NOT NULL, name VARCHAR NOT NULL);
CREATE TABLE tick (ts BIGINT NOT NULL);
CREATE TABLE head (number INTEGER NOT NULL, state VARCHAR NOT NULL);
CREATE TABLE latest (device INTEGER NOT NULL, signal SMALLINT NOT NULL, ts BIGINT NOT NULL, value DOUBLE NOT NULL);
CREATE TABLE segment (
    file VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    period INTEGER NOT NULL,
    first_ts BIGINT NOT NULL,
    last_ts BIGINT NOT NULL,
    first_received BIGINT,
    last_received BIGINT,
    rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    signals SMALLINT[] NOT NULL
);
CREATE TABLE removed (kind VARCHAR NOT NULL, until BIGINT);
INSERT INTO removed VALUES ('raw', NULL), ('1m', NULL);
"""
"""`latest` covers what is in segments, one row for each device and signal; what is in heads is newer or not.

`segment.file` is relative to the store's folder; times are event times of rows (of roll-ups: `ts`, so that the last row
reaches one width beyond `last_ts`), and receipt times of readings, both ends included.

`removed.until`: what retention has left of a kind is whole only from this event time on, UTC ms; NULL: it has removed
nothing. A reading that comes late may be older, and does not make whole again what was before it.
"""

PERIOD = {Resolution.RAW: DAY, Resolution.MINUTE: DAY, Resolution.HOUR: 30 * DAY}
"""ms: the files of a kind are each of one period of event times, so that whole files grow too old."""
SCATTERED = -1
"""The period of a file with readings of many periods, of each too few for a file of their own."""

READING = "device INTEGER, ts BIGINT, received_at BIGINT, flags UTINYINT"
"""The columns that every head has before those of the signals."""

PARTIALS = (
    "signal, device, ts, coalesce(minimum, last) AS minimum, coalesce(maximum, last) AS maximum, "
    "coalesce(sum, last) AS sum, count, last, ts + after AS last_ts, good, flags"
)
"""What to select from a file of roll-ups: its columns as they are meant.

On disk `minimum`, `maximum` and `sum` are NULL where they equal `last`, and `last_ts` is the time `after` `ts`: most
minutes hold one reading, and need then 40 % less room. Rows are in the order of (`signal`, `device`, `ts`).
"""

MERGED = (
    "signal, device, ts, min(minimum) AS minimum, max(maximum) AS maximum, sum(sum) AS sum, "
    "sum(count)::BIGINT AS count, arg_max(last, last_ts) AS last, max(last_ts) AS last_ts, "
    "sum(good)::BIGINT AS good, bit_or(flags) AS flags"
)
"""What to select from `PARTIALS`, grouped by `signal`, `device`, `ts`: one row for each."""


def column(signal: int) -> str:
    """The column of a signal in heads and raw files, by its id: names are case-sensitive, columns are not."""
    return f"s{signal}"


def head_table(number: int) -> str:
    """The table of a head."""
    return f"head_{number}"
