"""The stream over a real socket: resuming, leaving, stopping."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from community.clock import HOUR
from tests.api.house import PASSWORD, House, Window

Frames = Iterator[tuple[str, int, Any]]


@contextmanager
def stream(window: Window, **headers: str) -> Iterator[Frames]:
    """An open stream, frame by frame."""
    token = window.house.accounts.sign_in("viewer", PASSWORD, "test", window.house.clock.now).token
    sent = {"Authorization": f"Bearer {token}", **headers}
    with httpx.stream("GET", f"{window.url}/api/v1/alerts/stream", headers=sent, timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _frames(answer)


def _frames(answer: httpx.Response) -> Frames:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line and not line.startswith(":"):
            name, _, text = line.partition(": ")
            fields[name] = text
        elif not line and fields:
            yield fields["event"], int(fields["id"]), json.loads(fields["data"])
            fields = {}


def test_events_arrive_and_a_stream_resumes(house: House, window: Window) -> None:
    with stream(window) as frames:
        assert next(frames)[0] == "hello"
        house.find(house=1)
        house.find(house=2)
        assert [next(frames)[1], next(frames)[1]] == [1, 2]
    house.find(house=3)
    with stream(window, **{"Last-Event-ID": "2"}) as frames:
        assert [next(frames)[:2], next(frames)[:2]] == [("hello", 2), ("alert", 3)]


def test_viewers_who_leave_are_noticed(house: House, window: Window) -> None:
    with stream(window) as frames:
        next(frames)
        assert house.feed.viewers == 1
    house.vitals.wait_for(lambda: house.feed.viewers == 0)


def test_server_stops_although_streams_are_open(house: House) -> None:
    ended = threading.Event()

    def watch(window: Window) -> None:
        with stream(window) as frames:
            next(frames)
            told.set()
            assert next(frames, None) is None
        ended.set()

    told = threading.Event()
    with Window(house) as window:
        viewer = threading.Thread(target=watch, args=(window,))
        viewer.start()
        assert told.wait(10)
    # The window has stopped (its exit asserts it); the viewer saw a proper end rather than a broken line.
    assert ended.wait(10)
    viewer.join()


def test_stream_ends_with_its_session(house: House) -> None:
    house.keep_alive_s = 0.02
    house.open_window()
    with Window(house) as window, stream(window) as frames:
        next(frames)
        house.clock.now += 13 * HOUR
        assert next(frames, None) is None


def test_another_number_than_a_number_is_refused(house: House, window: Window) -> None:
    token = house.accounts.sign_in("viewer", PASSWORD, "test", house.clock.now).token
    headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": "soon"}
    answer = httpx.get(f"{window.url}/api/v1/alerts/stream", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["place"]) == (422, "header.last-event-id")
