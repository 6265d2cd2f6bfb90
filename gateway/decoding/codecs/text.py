"""A bare word or number as payload: `ON`, `23.5`, `online`."""

from collections.abc import Sequence
from typing import Any

from gateway.decoding.codecs.json import stripped, text_of
from gateway.decoding.numbers import number_of
from gateway.decoding.profile import Document

_WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "nan": float("nan"),
    "-nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
}


class TextCodec:
    """One document a message; its body is the text, number or flag. Implements `gateway.decoding.profile.Codec`."""

    def read(self, topic: str, payload: bytes, received_at: int) -> Sequence[Document]:
        """The document; none of an empty payload, which only clears a retained message.

        Raises:
            UnreadableError: the bytes are no text.
        """
        text = text_of(stripped(payload))
        return (Document(scalar(text)),) if text else ()


def scalar(text: str) -> Any:
    """What a bare text is: quotes around it are taken off, numbers and the words of JSON become values."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1]
    word = text.lower()
    if word in _WORDS:
        return _WORDS[word]
    number = number_of(text)
    if number is None:
        return text
    return int(text) if text.lstrip("+-").isdecimal() and len(text) <= 20 else number
