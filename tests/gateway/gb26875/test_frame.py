"""Frames out of a stream, in any chunking and after any garbage."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.gb26875.frame import MAX_UNIT, STANDARD, Command, Frame, Framing, Splitter, encode, reply
from tests.gateway.gb26875.frames import TRANSMITTER, fire, frame

# Examples that a public text on the standard prints: a confirmation of serial 1, and a fault of the mains.
PRINTED_CONFIRM = bytes.fromhex("40400100010123 3A09 1A090C 385B01000000 790300000000 0000 03 AB2323")
PRINTED_MAINS = bytes.fromhex("40400100010120 3A09 1A090C 790300000000 385B01000000 0900 02 150108023A091A090C 42 2323")

frames = st.builds(
    Frame,
    serial=st.integers(0, 65_535),
    version=st.binary(min_size=2, max_size=2),
    time=st.binary(min_size=6, max_size=6),
    source=st.integers(0, 2**48 - 1),
    destination=st.integers(0, 2**48 - 1),
    command=st.integers(0, 255),
    unit=st.binary(max_size=60),
    sound=st.just(True),
    framing=st.just(STANDARD),
    raw=st.just(b""),
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The bytes in pieces."""
    edges = [0, *sorted(p % (len(data) + 1) for p in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def test_the_printed_examples() -> None:
    splitter = Splitter()
    confirm, mains = splitter.feed(PRINTED_CONFIRM + PRINTED_MAINS)
    assert (confirm.serial, confirm.command, confirm.source, confirm.destination) == (1, 3, 88_888, 889)
    assert (mains.transmitter, mains.command, mains.unit[:3], mains.sound) == (889, 2, b"\x15\x01\x08", True)
    assert mains.raw == PRINTED_MAINS
    assert (splitter.skipped, splitter.broken, splitter.waiting) == (0, 0, 0)


def test_an_answer_repeats_the_number_and_turns_the_addresses_round() -> None:
    (mains,) = Splitter().feed(PRINTED_MAINS)
    assert reply(mains, Command.CONFIRM, bytes.fromhex("233A091A090C")) == PRINTED_CONFIRM


@given(st.lists(frames, max_size=5), st.lists(st.integers(0, 2_000), max_size=12))
def test_any_chunking_gives_the_same_frames(sent: list[Frame], places: list[int]) -> None:
    splitter = Splitter()
    got = [f for piece in cut(b"".join(map(encode, sent)), places) for f in splitter.feed(piece)]
    assert [f._replace(raw=b"") for f in got] == sent
    assert splitter.skipped == splitter.waiting == 0


@given(st.lists(st.tuples(st.binary(max_size=40).filter(lambda b: b"@" not in b), frames), max_size=4))
def test_garbage_between_frames_is_skipped_and_counted(stream: list[tuple[bytes, Frame]]) -> None:
    splitter = Splitter()
    got = splitter.feed(b"".join(garbage + encode(f) for garbage, f in stream))
    assert [f._replace(raw=b"") for f in got] == [f for _, f in stream]
    assert splitter.skipped == sum(len(garbage) for garbage, _ in stream)


@given(st.binary(max_size=3_000), st.lists(st.integers(0, 3_000), max_size=8))
def test_nothing_is_raised_and_every_byte_is_accounted_for(data: bytes, places: list[int]) -> None:
    splitter = Splitter((STANDARD, Framing(counts=1), Framing(b"\x68", b"\x16")))
    got = [f for piece in cut(data, places) for f in splitter.feed(piece)]
    assert splitter.waiting <= MAX_UNIT + 40
    got += splitter.give_up()
    assert splitter.waiting == 0
    assert splitter.skipped + sum(len(f.raw) for f in got if f.sound) == len(data)


@given(frames, st.integers(0, 10_000), st.integers(1, 255))
def test_after_one_damaged_byte_the_next_frame_is_found(damaged: Frame, place: int, change: int) -> None:
    data = bytearray(encode(damaged))
    data[place % len(data)] ^= change
    splitter = Splitter()
    got = [*splitter.feed(bytes(data) + PRINTED_MAINS), *splitter.give_up()]
    assert [f.raw for f in got if f.sound][-1] == PRINTED_MAINS


def test_a_half_frame_does_not_hide_the_one_behind_it() -> None:
    splitter = Splitter()
    assert splitter.feed(fire()[:40]) == []
    (found,) = splitter.feed(fire(serial=1))[-1:] or splitter.give_up()
    assert (found.serial, found.sound) == (1, True)


def test_a_length_that_asks_for_too_much_is_no_frame() -> None:
    data = bytearray(frame())
    data[24:26] = (MAX_UNIT + 1).to_bytes(2, "little")
    splitter = Splitter()
    assert splitter.feed(bytes(data)) == []
    assert (splitter.waiting, splitter.skipped) == (0, len(data))


def test_a_wrong_checksum_is_told_and_let_pass_only_for_those_who_are_known_for_it() -> None:
    data = bytearray(fire())
    data[-3] ^= 0xFF
    strict, lenient = Splitter(), Splitter(tolerated=lambda transmitter: transmitter == TRANSMITTER)
    (refused,) = strict.feed(bytes(data))
    (taken,) = lenient.feed(bytes(data))
    assert not refused.sound
    assert not strict.acceptable(refused)
    assert lenient.acceptable(taken)
    assert (strict.broken, lenient.broken, lenient.skipped) == (1, 0, 0)


def test_lengths_that_count_more_are_understood_and_answered_alike() -> None:
    counting_all = Framing(counts=30)
    splitter = Splitter((STANDARD, Framing(counts=1), counting_all))
    odd = [encode(f._replace(framing=counting_all)) for f in Splitter().feed(fire() + fire(10))]
    assert splitter.feed(odd[0]) == [], "it may be a longer frame that is not there yet"
    (first,) = splitter.give_up()
    (second,) = splitter.feed(odd[1])
    assert (first.raw, second.raw) == tuple(odd), "the second one needs no pause"
    assert int.from_bytes(reply(first, Command.CONFIRM, first.time)[24:26], "little") == 30


def test_other_marks() -> None:
    framing = Framing(b"\x68", b"\x16")
    (plain,) = Splitter().feed(fire())
    data = encode(plain._replace(framing=framing))
    (found,) = Splitter((STANDARD, framing)).feed(b"\x16" + data)
    assert found.unit == plain.unit
    assert found.raw == data


def test_who_leaves_its_address_empty_is_known_by_the_other_one() -> None:
    (found,) = Splitter().feed(frame(source=0, destination=4_711))
    assert found.transmitter == 4_711
