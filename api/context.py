"""What the roof hands to the window, and nothing more."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from alerts.decisions import Decision, Refused
from alerts.journal import AlertFilter
from alerts.rehearsal import Rehearsed
from api.accounts import Accounts
from api.announcements import Announcements, NothingAnnounced
from api.feed import Feed
from api.histories import Histories, NotConnected
from api.problems import Unavailable
from api.rulebooks import Rulebooks
from api.transmitters import NoTransmitters, Transmitters
from community.alert import Alert, AlertEvent
from community.estate import Estate
from community.recent import RecentMessage
from community.refusal import Refusal
from community.severity import Severity
from community.vitals import Vitals


class JournalReads(Protocol):
    """What is asked of the journal. Synchronous; every method may raise `JournalUnavailable`."""

    def alerts(self, wanted: AlertFilter, limit: int = 100, before: Alert | None = None) -> list[Alert]:
        """Alerts, newest first; `before`: go on behind this one."""

    def alert(self, alert_id: str) -> Alert | None:
        """The alert of this id."""

    def events(self, after: int = 0, limit: int = 1000) -> list[AlertEvent]:
        """Events with a number greater than `after`, in order."""

    def events_of(self, alert_id: str) -> list[AlertEvent]:
        """Every event of an alert, in order."""

    def last_number(self) -> int:
        """The greatest event number given so far."""

    def rehearsed(self, rule: str | None = None, limit: int = 100, before: int | None = None) -> list[Rehearsed]:
        """What rules in rehearsal found, newest first."""


class DeskActions(Protocol):
    """What a person may do to an alert. Synchronous; may raise `JournalUnavailable`."""

    def acknowledge(
        self, alert_id: str, actor: str, now: int, note: str | None = None, seen: Severity | None = None
    ) -> Decision | Refused:
        """Take note of it; `seen` is the highest severity that the person was shown."""

    def reset(self, alert_id: str, actor: str, now: int, note: str | None = None) -> Decision | Refused:
        """End a latched alert whose condition has ceased."""


class Delivered(NamedTuple):
    """What became of a device's message.

    Attributes:
        admitted: readings of it that are in the log.
        lost: whether nothing of it came in although it had something to say.
        refusals: what of it was refused: named reason, and a sentence for people.
    """

    admitted: int
    lost: bool
    refusals: tuple[tuple[str, str], ...] = ()


async def _no_gateway(topic: str, payload: bytes) -> Delivered:
    raise Unavailable("no gateway is connected to this window")


def _nothing(account: str, topic: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything that the application needs.

    What is awaited here may raise `api.problems.Unavailable`, which becomes a 503.

    Attributes:
        estate: the estate in force.
        import_estate: takes a TOML text and the account's name, puts the new estate in force and returns its version;
            raises `community.estate_file.EstateErrors` with every fault, and then nothing has changed.
        refusals: the latest refused messages, newest first, of one device or (None) of all, at most so many.
        messages: the last messages of a device, oldest first, with what became of each; none for one not known.
        profiles: names of the profiles that a device or bridge may have; None: any.
        rules: `id`, `title` (`{"zh": ..., "en": ...}`), `guidance` (such a text for each role), `category` and
            `standard` of every rule.
        rulebooks: the versions of the rulebook.
        version: of the software.
        deliver: takes a device's message by topic and payload; answers when it is in the log or refused.
        may_publish: whether the account of a device or bridge may publish on a topic.
        transmitters: the transmission units that connect by TCP.
        announcements: devices that said they exist, and what a person answers.
        histories: what was measured, kept and asked for again.
        local_token: bearer token of whoever may read the data directory: the command line on this machine; it may do
            all. None: nobody has one.
    """

    journal: JournalReads
    desk: DeskActions
    accounts: Accounts
    feed: Feed
    vitals: Vitals
    clock: Callable[[], int]
    estate: Callable[[], Estate]
    import_estate: Callable[[str, str], Awaitable[int]]
    refusals: Callable[[str | None, int], Awaitable[Sequence[Refusal]]]
    messages: Callable[[str], Awaitable[Sequence[RecentMessage]]]
    rules: Callable[[], Sequence[dict[str, Any]]]
    rulebooks: Rulebooks
    version: str
    deliver: Callable[[str, bytes], Awaitable[Delivered]] = _no_gateway
    may_publish: Callable[[str, str], bool] = _nothing
    profiles: Collection[str] | None = None
    transmitters: Transmitters = field(default_factory=NoTransmitters)
    announcements: Announcements = field(default_factory=NothingAnnounced)
    histories: Histories = field(default_factory=NotConnected)
    local_token: str | None = field(default=None, repr=False)
