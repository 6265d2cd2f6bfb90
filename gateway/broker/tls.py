"""TLS of the embedded broker's port for devices, and how our own link speaks to it."""

import json
import ssl
from dataclasses import dataclass
from pathlib import Path

HANDSHAKE_S = 10
"""How long a device may take for the handshake, s: small microcontrollers need seconds for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerTls:
    """What the port for devices shows and asks for. All files are PEM.

    Attributes:
        certificate: the broker's, with the chain below the authority that devices know.
        key: its key; None if it is in the same file.
        client_ca: authorities one of which must have signed the certificate of whoever connects, in addition to user
            name and password; None: certificates are not asked for.
    """

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None

    def check(self) -> None:
        """Read the files.

        Raises:
            OSError: one cannot be read; `ssl.SSLError` if it is none of the kind, or key and certificate do not match.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if self.client_ca is not None:
            context.load_verify_locations(self.client_ca)

    def render(self) -> str:
        """The `tls` block of nats-server's configuration."""
        text = json.dumps  # a JSON string is a valid quoted string of the configuration language
        lines = [
            f"cert_file: {text(str(self.certificate.absolute()))}",
            f"key_file: {text(str((self.key or self.certificate).absolute()))}",
            f"timeout: {HANDSHAKE_S}",
        ]
        if self.client_ca is not None:
            lines += [f"ca_file: {text(str(self.client_ca.absolute()))}", "verify: true"]
        return "tls {\n" + "".join(f"    {line}\n" for line in lines) + "  }"

    def own_context(self, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
        """How our own link connects: it trusts this very certificate and no other, under whatever name.

        The link connects to an address of this machine, for which no certificate need be made out.

        Args:
            certificate: what we show, if the broker asks.
            key: its key, if not in the same file.

        Raises:
            OSError: as `check`.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        # The certificate is the anchor itself, whoever signed it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(self.certificate)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        return context
