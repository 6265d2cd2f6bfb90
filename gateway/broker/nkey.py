"""The two encodings of NATS identity that its auth callout needs: public keys (nkeys) and signed tokens (JWT).

Format: nats-io/nkeys and the NATS documents ADR-14 and ADR-26.
"""

import base64
import binascii

import msgspec
from nacl.signing import SigningKey

_ACCOUNT = 0  # the prefix byte that makes an encoded account key begin with "A"
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


def encode_account_key(public: bytes) -> str:
    """An Ed25519 public key (32 bytes) as a NATS account key: `A` and 55 more letters of base32.

    Raises:
        ValueError: if `public` is not 32 bytes long.
    """
    if len(public) != 32:
        raise ValueError(f"an Ed25519 public key has 32 bytes, not {len(public)}")
    raw = bytes([_ACCOUNT]) + public
    # CRC-16/XMODEM, low byte first: the standard library's crc_hqx is that very polynomial.
    raw += binascii.crc_hqx(raw, 0).to_bytes(2, "little")
    return base64.b32encode(raw).decode().rstrip("=")


class Issuer:
    """An account identity that signs answers to the broker. Made anew at each start; never stored.

    Attributes:
        public_key: what the broker's configuration names as `issuer`.
    """

    def __init__(self, key: SigningKey | None = None) -> None:
        self._key = key or SigningKey.generate()
        self.public_key = encode_account_key(bytes(self._key.verify_key))

    def sign(self, claims: dict[str, object]) -> str:
        """`claims` as a token, with this issuer entered as `iss`."""
        head = _segment(msgspec.json.encode(_HEADER))
        body = _segment(msgspec.json.encode({**claims, "iss": self.public_key}))
        signature = self._key.sign(f"{head}.{body}".encode()).signature
        return f"{head}.{body}.{_segment(signature)}"


def claims_of(token: bytes) -> bytes:
    """The claims of a token as JSON. The signature is not checked: see `gateway.broker.auth` for why it need not be.

    Raises:
        ValueError: if it is not a token of three segments.
    """
    parts = token.split(b".")
    if len(parts) != 3:
        raise ValueError(f"a token has three segments, not {len(parts)}")
    return base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4))


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
