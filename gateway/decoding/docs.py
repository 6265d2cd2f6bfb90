"""A page for each shipped profile, from its file: `python -m gateway.decoding.docs` writes them, a test compares."""

import json
from collections.abc import Iterator
from pathlib import Path

from gateway.decoding.definition import Example, Meaning, ProfileFile, Topic, Value
from gateway.decoding.loader import read_profile
from gateway.decoding.meaning import signals_of
from gateway.decoding.registry import BUILT_IN, shipped

FOLDER = Path("docs/profiles")
_LONG = 96


def pages() -> dict[str, str]:
    """Page by file name, the index among them."""
    files = {name: read_profile(text, f"{name}.toml") for name, text in shipped()}
    return {"README.md": _index(files)} | {f"{name}.md": page(name, file) for name, file in files.items()}


def page(name: str, file: ProfileFile) -> str:
    """The page of one profile."""
    return "\n".join([
        f"# {file.title}",
        "",
        f"Profile `{name}`. Written from `gateway/profiles/{name}.toml` by `python -m gateway.decoding.docs`;",
        "do not edit.",
        "",
        file.about.strip(),
        "",
        "## In the estate",
        "",
        *_in_estate(name, file),
        "",
        "## Topics",
        "",
        *_topics(file),
        "",
        "## Fields",
        "",
        *_fields(file),
        "## Examples",
        "",
        "Each is run by the tests, and by `mingluo profiles check`.",
        "",
        *(line for example in file.example for line in _example(example)),
    ]).rstrip() + "\n"  # fmt: skip


def _index(files: dict[str, ProfileFile]) -> str:
    rows = [f"| [`{name}`]({name}.md) | {file.title} | {file.address} |" for name, file in files.items()]
    return "\n".join([
        "# Device profiles",
        "",
        "One data file for each way of speaking. A community adds its own without touching code: see",
        "[the language of profiles](../profiles.md).",
        "",
        "| profile | for | a device's address |",
        "|---|---|---|",
        # Being code, they have pages that are written by hand.
        f"| `native` | [{BUILT_IN['native'][0]}](../vendors.md) | {BUILT_IN['native'][1]} |",
        f"| [`homeassistant`](homeassistant.md) | {' | '.join(BUILT_IN['homeassistant'])} |",
        *rows,
    ]) + "\n"  # fmt: skip


def _in_estate(name: str, file: ProfileFile) -> Iterator[str]:
    yield "```toml"
    yield "[[device]]"
    yield 'id = "d0001"'
    yield 'household = "h0001"'
    yield 'kind = "electrical_protector"'
    yield f'profile = "{name}"'
    yield f'address = "..."   # {file.address}'
    yield "```"
    if file.grant.publish or file.grant.subscribe:
        yield ""
        yield f"On the embedded broker such a device may publish {_codes(file.grant.publish)}" + (
            f" and read {_codes(file.grant.subscribe)}." if file.grant.subscribe else "."
        )
    if not file.steady:
        yield ""
        yield "The values of one message may be of different moments: power is not compared with voltage and current."


def _topics(file: ProfileFile) -> Iterator[str]:
    yield "| topic | format | device | read |"
    yield "|---|---|---|---|"
    for topic in file.topic:
        yield f"| `{topic.match}` | {topic.format} | {'' if topic.ignore else f'`{topic.device}`'} | {_read(topic)} |"


def _read(topic: Topic) -> str:
    if topic.ignore:
        return "passed over"
    below = f" below `{topic.base}`" if topic.base else ""
    words = [", ".join(topic.fields) + below] if topic.fields else []
    words += [f"devices within: {', '.join(topic.parts)}"] if topic.parts else []
    words += [f"says {_codes(tuple(topic.gives))} itself"] if topic.gives else []
    return "; ".join(words)


def _fields(file: ProfileFile) -> Iterator[str]:
    for name, paths in file.fields.items():
        yield f"### {name}"
        yield ""
        yield "| path | signal | how |"
        yield "|---|---|---|"
        for path, meanings in paths.items():
            for meaning in meanings:
                yield f"| `{path or '(the whole)'}` | {_signals(meaning)} | {_how(meaning)} |"
        yield ""


def _signals(meaning: Meaning) -> str:
    values: list[Value] = [meaning]
    if meaning.packed is not None:
        records = meaning.packed.records
        values = [*meaning.packed.parts, *(records.by.values() if records is not None else ())]
    return _codes(tuple(dict.fromkeys(signal for value in values for signal in signals_of(value))))


def _how(meaning: Meaning) -> str:
    words = []
    if meaning.packed is not None:
        words.append(f"packed as {meaning.packed.encoding}")
    if meaning.bits is not None:
        words.append("bits " + ", ".join(f"{bit} {to.signal}" for bit, to in meaning.bits.items()))
    if (meaning.scale, meaning.offset) != (1.0, 0.0):
        words.append(f"× {meaning.scale:g}" + (f" {meaning.offset:+g}" if meaning.offset else ""))
    if meaning.unit is not None:
        words.append(f"in {meaning.unit}")
    if meaning.values is not None:
        words.append(", ".join(f"{raw} → {to}" for raw, to in meaning.values.items()))
    if meaning.inverted:
        words.append("inverted")
    if meaning.invalid:
        words.append("not measured: " + ", ".join(str(i) for i in meaning.invalid))
    if meaning.when is not None:
        given = meaning.when.model_dump(exclude_defaults=True)
        words.append("when " + " and ".join(f"{k} {json.dumps(v, ensure_ascii=False)}" for k, v in given.items()))
    return "; ".join(words).replace("|", "\\|")


def _example(example: Example) -> Iterator[str]:
    yield f"**{example.note.strip()}**"
    yield ""
    yield "```"
    yield example.topic
    yield from _wrapped(example.payload if example.payload is not None else f"hex {example.payload_hex}")
    yield "```"
    yield ""
    yield _becomes(example)
    yield ""


def _wrapped(payload: str) -> Iterator[str]:
    for line in payload.strip().splitlines() or [""]:
        while len(line) > _LONG:
            cut = max(line.rfind(mark, 0, _LONG) for mark in (",", " ")) + 1 or _LONG
            yield line[:cut]
            line = line[cut:]
        yield line


def _becomes(example: Example) -> str:
    words = [f"→ {example.outcome}"]
    if example.reason:
        words.append(f"because of {example.reason}")
    for device in example.devices or ((example,) if example.device is not None else ()):
        said = [f"{name} {value:g}" for name, value in device.values.items()]
        said += [f"{e.name} {'begins' if e.active else 'is over'}" for e in device.events]
        words.append(f"`{device.device}`: {', '.join(said)}" if said else f"`{device.device}`")
    return "; ".join(words)


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file_name, text in pages().items():
        (FOLDER / file_name).write_text(text, "utf-8")
