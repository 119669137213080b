"""What can go wrong, and when: the faults as Structs, and the plan that says which of them are due. Pure.

Two kinds. Line faults (cut, freeze, close, ...) hit connections that are set up. Gate faults (refuse,
unreachable, hang, ...) are armed and wait for the next attempts to connect.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct, field, to_builtins

from sidecar.observe.problems import Rule

from .refusals import KNOWN, Refusal, known

NotNegative = Annotated[float, Meta(ge=0)]
Index = Annotated[int, Meta(ge=1)]

_CLOSE_CODES = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
_CODES = "1000 to 1003, 1007 to 1014 and 3000 to 4999"


# A name from the table of refusals; the type checker cannot read the table.
if TYPE_CHECKING:
    Like = str
else:
    Like = Literal[tuple(KNOWN)]


class Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A part of a script: camelCase in JSON, nothing unknown."""


class When(Strict, omit_defaults=True):
    """The conditions under which a planned fault happens, once. All that are given must hold."""

    audio_ms: NotNegative | None = None
    """The session has received this much audio, repetitions not counted."""
    connection: Index | None = None
    """It is this connection, counted over the whole simulator from 1; refused upgrades do not count."""
    after_setup_ms: NotNegative | None = None
    """This long after the connection's setupComplete."""


class Fault(Strict, tag_field="do", omit_defaults=True):
    """A fault without `when` happens as soon as it can; with `session`, only to that one (from 1)."""

    session: Index | None = None
    """It hits this session only, counted from 1; the others do not notice. None: every session."""
    when: When = field(default_factory=When)
    """At what moment it happens. Absent: as soon as it can."""


class LineFault(Fault):
    """Hits connections that are set up."""

    ends_connection: ClassVar[bool] = True


class GateFault(Fault):
    """Waits for the next attempts to connect."""


class CountedFault(GateFault):
    """Meets the next `times` attempts or, when `forMs` is given, all for that long."""

    times: Index = 1
    """It meets so many attempts."""
    for_ms: NotNegative | None = None
    """Instead of `times`: it meets all attempts for this long."""


class Cut(LineFault, tag="cut"):
    """The TCP connection is reset. What the kernel held unread was never received."""


class Freeze(LineFault, tag="freeze"):
    """Nothing is read, counted or answered; after `forMs` the TCP connection is reset.

    None: when the service gives an idle connection up (`idleTimeoutMs`).
    """

    for_ms: NotNegative | None = 3000
    """So long, then the reset. None: until `idleTimeoutMs`."""


class Close(LineFault, tag="close"):
    """A close frame: a text of the service's by its name (`like`), or any `code` and `reason`."""

    like: Like = "internalError"
    """The name of one of the service's texts, with its code."""
    code: int | None = None
    """A close code, in place of that text's."""
    reason: str | None = None
    """A reason, in place of that text; cut at 123 bytes."""

    def __post_init__(self) -> None:
        _refusal(self.like, self.code, self.reason)

    @property
    def refusal(self) -> Refusal:
        return _refusal(self.like, self.code, self.reason)


class GoAway(LineFault, tag="goAway"):
    """An order to leave: a connection still open after `timeLeft` is closed with 1008."""

    ends_connection: ClassVar[bool] = False
    time_left: Annotated[str, Meta(pattern=r"^\d+(\.\d{1,9})?s$", title='a duration such as "10s"')] = "10s"
    """What is told, and how long a client may stay."""

    @property
    def time_left_s(self) -> float:
        return float(self.time_left.removesuffix("s"))


class NetworkSwitch(LineFault, tag="networkSwitch"):
    """The client's network changes: its connection is reset, and the service does not notice (LP 4.4 item 8).

    For `forMs` it refuses to give the session to another connection; a new session can be had at once.
    """

    for_ms: NotNegative = 900_000
    """So long a resume is refused. By default a fresh session comes first; below 10000 it is resumed in the
    end."""


class SlowPongs(LineFault, tag="slowPongs"):
    """For `forMs` (None: to the end) pings are answered only after `delayMs` (None: not at all)."""

    ends_connection: ClassVar[bool] = False
    delay_ms: NotNegative | None = 8000
    """From a ping to its pong. None: never."""
    for_ms: NotNegative | None = None
    """So long. None: to the connection's end."""


class Stall(LineFault, tag="stall"):
    """For `forMs` (None: to the end) everything is read, counted and ponged, and no message is sent."""

    ends_connection: ClassVar[bool] = False
    for_ms: NotNegative | None = None
    """So long. None: to the connection's end."""


class Refuse(CountedFault, tag="refuse"):
    """Upgrades are answered with an HTTP status, or with a TCP reset."""

    status: Annotated[int, Meta(ge=300, le=599)] = 503
    """The HTTP status."""
    location: str | None = None
    """The header Location, for a 3xx."""
    reset: bool = False
    """Reset the TCP connection instead."""
    retry_after_s: NotNegative | None = None
    """The header Retry-After, in seconds. None: there is none."""

    def __post_init__(self) -> None:
        if self.status not in set(HTTPStatus):
            raise Rule("status", f"{self.status} is no HTTP status that is known")


class RefuseSetup(CountedFault, tag="refuseSetup"):
    """Setups are answered with a close frame: a quota, a dead handle."""

    like: Like = "quotaExceeded"
    """The name of one of the service's texts, with its code."""
    code: int | None = None
    """A close code, in place of that text's."""
    reason: str | None = None
    """A reason, in place of that text; cut at 123 bytes."""
    resumes_only: bool = False
    """Spare new sessions."""
    after_setup_complete: bool = False
    """Send setupComplete before the close frame."""

    def __post_init__(self) -> None:
        _refusal(self.like, self.code, self.reason)

    @property
    def refusal(self) -> Refusal:
        return _refusal(self.like, self.code, self.reason)


class Unreachable(GateFault, tag="unreachable"):
    """Nothing listens for this long: connecting fails, open connections go on."""

    for_ms: NotNegative = 3000
    """So long."""


class Hang(CountedFault, tag="hang"):
    """A setup gets no answer, and the connection answers pings; or `at` the upgrade nothing comes at all."""

    at: Literal["setup", "upgrade"] = "setup"
    """Leave the setup without an answer, or the upgrade already."""


def _refusal(like: str, code: int | None, reason: str | None) -> Refusal:
    """What is given goes before the named row. Raises ValueError if that cannot be."""
    row = known(like)
    if code is not None and code not in _CLOSE_CODES:
        raise Rule("code", f"{code} is no close code that may be sent; those are {_CODES}")
    return Refusal(row.code if code is None else code, row.text if reason is None else reason)


AnyLineFault = Cut | Freeze | Close | GoAway | NetworkSwitch | SlowPongs | Stall
AnyFault = AnyLineFault | Refuse | RefuseSetup | Unreachable | Hang


@dataclass(frozen=True)
class Moment:
    """Where things stand when the plan is asked. A connection that is not set up has no `since_setup_ms`."""

    connection: int | None = None
    session: int | None = None
    audio_ms: float = 0.0
    since_setup_ms: float | None = None

    def meets(self, fault: AnyFault) -> bool:
        when = fault.when
        if isinstance(fault, LineFault) and self.since_setup_ms is None:
            return False
        return (
            (fault.session is None or fault.session == self.session)
            and (when.connection is None or when.connection == self.connection)
            and (when.audio_ms is None or self.audio_ms >= when.audio_ms)
            and (
                when.after_setup_ms is None
                or (self.since_setup_ms is not None and self.since_setup_ms >= when.after_setup_ms)
            )
        )


class FaultPlan:
    """The faults that are still to come. Each happens once."""

    def __init__(self, faults: Iterable[AnyFault] = ()) -> None:
        self._pending = list(faults)

    def add(self, fault: AnyFault) -> None:
        self._pending.append(fault)

    def due(self, moment: Moment) -> list[AnyFault]:
        """The faults due at `moment`, in the order of the script. They leave the plan.

        A connection can end only once: of the faults that end it, one is due at a time.
        """
        due: list[AnyFault] = []
        kept: list[AnyFault] = []
        ending = False
        for fault in self._pending:
            ends = isinstance(fault, LineFault) and fault.ends_connection
            if moment.meets(fault) and not (ends and ending):
                due.append(fault)
                ending |= ends
            else:
                kept.append(fault)
        self._pending = kept
        return due

    def waits_ms(self) -> set[float]:
        """How long after a setupComplete the plan wants to be asked again."""
        return {fault.when.after_setup_ms for fault in self._pending if fault.when.after_setup_ms is not None}

    def report(self) -> list[dict[str, Any]]:
        return [to_builtins(fault) for fault in self._pending]
