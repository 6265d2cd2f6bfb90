"""Which ports the broker listens on: the wanted ones, those of the last start, or free ones; and why."""

import socket
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]  # ships no types

from gateway.broker.config import BrokerOptions, Ports


class _Remembered(msgspec.Struct, frozen=True):
    wanted: int
    used: int


def choose_ports(options: BrokerOptions, memory: Path) -> tuple[Ports, list[str]]:
    """Ports that are free now.

    A port that an earlier start had to move to is kept while the same one is wanted: devices were told about it.

    Args:
        options: the wanted addresses and ports.
        memory: file in which the choice is remembered from start to start.

    Returns:
        The ports, and a note for people for each that is not the wanted one.
    """
    remembered = _recall(memory)
    notes: list[str] = []
    chosen: dict[str, int] = {}
    for name, purpose, address in (
        ("mqtt", "devices (MQTT)", options.mqtt),
        ("client", "own processes (NATS)", options.client),
    ):
        if address is None:
            continue
        host, wanted = address
        before = remembered.get(name)
        first = before.used if before is not None and before.wanted == wanted else wanted
        candidates = [p for p in dict.fromkeys((first, wanted)) if p and p not in chosen.values()]
        port = next((p for p in candidates if _is_free(host, p)), None) or _free_port(host)
        chosen[name] = port
        remembered[name] = _Remembered(wanted, port)
        if wanted and port != wanted:
            why = f"port {wanted} is taken{_holder(wanted)}" if not _is_free(host, wanted) else "as at the last start"
            notes.append(f"{purpose}: port {port} instead of {wanted}, {why}")
    memory.write_bytes(msgspec.json.encode(remembered))
    return Ports(chosen["client"], chosen.get("mqtt")), notes


def _recall(memory: Path) -> dict[str, _Remembered]:
    try:
        return msgspec.json.decode(memory.read_bytes(), type=dict[str, _Remembered])
    except (FileNotFoundError, msgspec.MsgspecError):
        return {}  # nothing depends on the memory but a port's constancy


def _socket(host: str) -> socket.socket:
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    # As the server does: without it the connections of its former life block a port for a minute.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return s


def _is_free(host: str, port: int) -> bool:
    with _socket(host) as s:
        try:
            s.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(host: str) -> int:
    with _socket(host) as s:
        s.bind((host, 0))
        return int(s.getsockname()[1])


def _holder(port: int) -> str:
    try:
        pid = next(
            c.pid
            for c in psutil.net_connections("tcp")
            if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr[1] == port and c.pid is not None
        )
        return f" by {psutil.Process(pid).name()} (process {pid})"
    except (StopIteration, psutil.Error, OSError):
        return ""  # other users' processes are not shown to everyone
