"""Passwords: hashed with scrypt, the parameters kept beside the hash; and generated ones."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

LEAST = 12
"""Shortest password that a person may choose. Length is what protects; no rules about kinds of characters."""
LONGEST = 256
"""Longest that is hashed, so that nobody makes us hash megabytes."""

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0, 1: it is read off a terminal and typed


@dataclass(frozen=True, slots=True)
class Cost:
    """What a guess costs: scrypt's N, r, p (RFC 7914). Memory is 128·N·r bytes.

    The default is one of the equivalent settings that OWASP's password storage guidance names: 16 MiB, about 0.2 s.
    """

    n: int = 2**14
    r: int = 8
    p: int = 5


def hash_password(password: str, cost: Cost) -> str:
    """`scrypt$N$r$p$salt$hash`, salt and hash in hex."""
    salt = secrets.token_bytes(16)
    return f"scrypt${cost.n}${cost.r}${cost.p}${salt.hex()}${_scrypt(password, salt, cost).hex()}"


def matches(password: str, stored: str) -> bool:
    """Whether `password` is the one behind `stored`; the time taken does not tell how much of it is right."""
    _, n, r, p, salt, expected = stored.split("$")
    found = _scrypt(password, bytes.fromhex(salt), Cost(int(n), int(r), int(p)))
    return hmac.compare_digest(found, bytes.fromhex(expected))


def generate_password() -> str:
    """A random password of 100 bits in groups of five: `k7mxa-...`."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


def _scrypt(password: str, salt: bytes, cost: Cost) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=2**20 + 256 * cost.n * cost.r, dklen=32
    )
