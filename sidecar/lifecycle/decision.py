"""Whether to try again, when, and as what: one decision function (design section 3, Reconnect).

The wait is the largest that applies: the open breaker, Retry-After, the hand-over delay, the slow lane, the
backoff. Giving up has four reasons: a permanent fault, no reconnect wanted, too long, too often.
"""

from collections.abc import Callable

from msgspec import Struct

from sidecar.lifecycle.backoff import backoff_s
from sidecar.lifecycle.faults import Action, Cause, Fault, Layer, Severity, classify
from sidecar.lifecycle.liveness import NEVER
from sidecar.lifecycle.settings import Settings

NO_REFUSAL = frozenset({1000, 1006})
"""Close codes with which a line ends without the service refusing anything."""


NOT_THE_NETWORK = frozenset({"tokenUnavailable"})
"""Kinds before anything is dialled: the user need not look at the connection."""

WISHES = frozenset({"requested", "networkChanged"})
"""Kinds of planned moves that the host asked for."""


_GIVE_ANOTHER = (
    'Open the session with a valid one; with `auth.type` "host" the sidecar asks for a new one in time.'
)
_AGAIN = "Later call `session/reconnect`, or open the session anew."


class Outage(Struct):
    """What happened since the session was last stable.

    Attributes:
        since: when it began, None while all is well.
        failures: failed attempts and lines that died before they were stable.
        reached: those of them that reached the service.
        attempts: dials, for people.
        owner_gone_at: when the last live line of this session ended, as far as we know.
        resume_at_once: the model was speaking when it ended; the service lets go at once then (LP 4.4).
        fresh: no resume any more in this outage: attempts go without the handle until one connects.
        fresh_tried: the one fresh session in place of a resume was tried since the session was stable.
        renewed: a newer credential in place of a refused one was tried since then.
        asked_until: until then the service asked for no attempt: no hint ends that wait.
        moved_only: a planned move out of calm, and nothing failed: the next loss begins an outage of its own.
    """

    since: float | None = None
    failures: int = 0
    reached: int = 0
    attempts: int = 0
    owner_gone_at: float | None = None
    resume_at_once: bool = False
    fresh: bool = False
    fresh_tried: bool = False
    renewed: bool = False
    asked_until: float = -NEVER
    moved_only: bool = False


class Stop(Struct, frozen=True):
    """Give up; `fault` says why, `last` what the last attempt met."""

    fault: Fault
    last: Fault


class Retry(Struct, frozen=True):
    """Try again after `delay_s`, with the handle or without; `renew`: with a newer credential."""

    delay_s: float
    fresh: bool
    renew: bool = False


class Situation(Struct, frozen=True, kw_only=True):
    """What the decision needs to know besides the fault.

    Attributes:
        first: the session was never connected; the open's own deadline ends it.
        planned: a hand-over: it never counts.
        resuming: the failed attempt, or the refused line, carried a handle.
        has_handle: there is a handle to resume with.
        breaker_s: so long the breaker allows no attempt.
        open_ends_at: when the open gives up, if the session was never connected.
        renewable: a credential that is refused can be replaced by a newer one.
        line_lost: it is no attempt that failed, but a line that served.
    """

    first: bool = False
    planned: bool = False
    resuming: bool = False
    has_handle: bool = False
    breaker_s: float = 0.0
    open_ends_at: float = NEVER
    renewable: bool = False
    line_lost: bool = False


def decide(
    fault: Fault,
    outage: Outage,
    situation: Situation,
    settings: Settings,
    now: float,
    random: Callable[[], float],
) -> Stop | Retry:
    """Whether and how to go on after `fault`. Of the outage it changes `fresh`, `fresh_tried`, `renewed` and
    `asked_until`."""
    reconnect = settings.reconnect
    action = _effective(fault, situation)
    renew = action is Action.REFRESH_TOKEN
    if renew and (outage.renewed or not situation.renewable):
        return _denied(fault, renewed=outage.renewed)
    tried_anew = renew and not situation.line_lost
    too_often = not situation.first and not tried_anew and outage.reached >= reconnect.max_attempts
    if action is Action.STOP:
        return Stop(fault, fault)
    if situation.planned:
        fresh = not situation.has_handle
        waiting_for_owner = 0.0 if fresh else owner_delay_s(outage, settings, now)
        if fault.kind in WISHES:
            return Retry(waiting_for_owner, fresh=fresh)
        backoff = backoff_s(outage.failures, reconnect, random)
        return Retry(max(waiting_for_owner, backoff, situation.breaker_s), fresh=fresh)
    by_service_s = asked_by_service_s(fault, settings)
    outage.asked_until = max(outage.asked_until, now + by_service_s)  # it holds for who revives, too
    too_early = old_owner_may_live(fault, outage, situation, settings, now)
    refused = situation.resuming and _refuses_the_session(fault, outage, settings, now)
    dead = situation.resuming and action is Action.FRESH
    # An attempt that was wanted goes on to its second try, or to the fresh session in place of the resume.
    goes_on = too_early or tried_anew or ((refused or dead) and not outage.fresh_tried)
    if not reconnect.enabled and not situation.first and not goes_on:
        return Stop(ended_by("disabled", fault), fault)
    limit, ends_at = _end(outage, situation, settings)
    if now >= ends_at:
        return Stop(ended_by(limit, fault), fault)
    if too_often and (outage.fresh_tried or not situation.has_handle or reconnect.max_attempts == 0):
        return Stop(ended_by("maxAttempts", fault), fault)

    asked_for_s = max(by_service_s, situation.breaker_s)
    if now + by_service_s > ends_at:  # it will not be tried again in time: say so now
        return _over_the_limit(limit, fault, by_service_s)
    if now + asked_for_s > ends_at:
        return Stop(ended_by(limit, fault, asked_for_s), fault)
    fresh = outage.fresh or not situation.has_handle
    # A newer credential is tried at once, and once: if it is refused too, no other will help. One that a line
    # was closed for is as good as any other failure of that line.
    at_once = renew and (tried_anew or outage.failures <= 1)
    own_s = 0.0 if at_once else backoff_s(outage.failures, reconnect, random)
    if too_early:
        own_s, fresh = settings.hand_over.retry_delay_s, False
    elif situation.has_handle and (too_often or refused or action is Action.FRESH):
        # In place of the resume a fresh session: at once the first time, then like any other attempt.
        at_once = not outage.fresh_tried and (outage.failures <= 1 or refused)
        own_s, fresh = 0.0 if at_once else own_s, True
        outage.fresh = outage.fresh_tried = True
    elif not fresh:
        own_s = max(own_s, owner_delay_s(outage, settings, now))
    outage.renewed |= renew
    delay_s = max(own_s, asked_for_s)
    return Retry(delay_s if situation.first else min(delay_s, ends_at - now), fresh=fresh, renew=renew)


def asked_by_service_s(fault: Fault, settings: Settings) -> float:
    """For how long the service wants no attempt, seconds."""
    slow_lane_s = settings.reconnect.slow_lane_s if fault.action is Action.SLOW_DOWN else 0.0
    return max(fault.retry_after_s or 0.0, slow_lane_s)


def _end(outage: Outage, situation: Situation, settings: Settings) -> tuple[str, float]:
    """What ends this outage, and when."""
    if situation.first:
        return "openTimeout", situation.open_ends_at
    since = NEVER if outage.since is None else outage.since
    return "maxElapsed", since + settings.reconnect.max_elapsed_s


def old_owner_may_live(
    fault: Fault, outage: Outage, situation: Situation, settings: Settings, now: float
) -> bool:
    """Whether a refused resume only means that the service has not let go of the old line yet.

    It answers 1011 then, and the handle is good (LP 4.4 items 3 and 4). Such a refusal does not count.
    """
    return (
        situation.resuming
        and not outage.fresh
        and fault.ws_code == 1011
        and fault.action is Action.RESUME  # a quota refused says so
        and outage.owner_gone_at is not None
        and now - outage.owner_gone_at < settings.hand_over.window_s
    )


def _refuses_the_session(fault: Fault, outage: Outage, settings: Settings, now: float) -> bool:
    """Whether the service will not have this session: it had the time to let go of the old line, and yet
    closes with a bare 1011, or leaves the setup of the resume unanswered (LP 4.4 items 3 and 8). Any other
    close says nothing of the session."""
    gone_at = outage.owner_gone_at
    had_time = gone_at is None or now - gone_at >= settings.hand_over.window_s
    return had_time and fault.kind in ("serviceError", "setupTimeout")


def speaks_of_session(fault: Fault) -> bool:
    """Whether a resume that ends with this was refused because of its session (LP 4.4, the H rows of LP 5):
    then the service took nothing. Who is closed for a quota or a restart may have been heard before."""
    return fault.kind == "serviceError" or fault.action is Action.FRESH


def _effective(fault: Fault, situation: Situation) -> Action:
    """A fault that would drop the handle means something else where there is none: a 1007 is then our
    own request (permanent), a 1008 "not found" comes at random too (LP 5)."""
    if fault.action is Action.FRESH and not situation.resuming and not situation.has_handle:
        return Action.STOP if fault.ws_code == 1007 else Action.RETRY
    return fault.action


def _denied(fault: Fault, *, renewed: bool) -> Stop:
    """No credential is left that the service may take."""
    advice = "A newer credential was refused too." if renewed else _GIVE_ANOTHER
    told = fault._replace(
        action=Action.STOP,
        severity=Severity.ERROR,
        user_message="The service did not accept the app's sign-in.",
        remediation=" ".join(text for text in (fault.remediation, advice) if text),
    )
    return Stop(told, told)


def owner_delay_s(outage: Outage, settings: Settings, now: float) -> float:
    """The old owner needs a moment to be gone (LP 4.4 item 4)."""
    if outage.owner_gone_at is None or outage.resume_at_once:
        return 0.0
    return max(0.0, outage.owner_gone_at + settings.hand_over.first_delay_s - now)


def _over_the_limit(limit: str, fault: Fault, wait_s: float) -> Stop:
    """The service asks for a longer wait than we may go on: that, and not the limit, is the reason."""
    text = f"{fault.message}; no attempt is allowed for {wait_s:.0f} s, which is after {limit}"
    advice = " ".join(text for text in (fault.remediation, _AGAIN) if text)
    told = fault._replace(message=text, remediation=advice, retry_after_s=wait_s)
    return Stop(told, told)


def ended_by(limit: str, last: Fault | None, wait_s: float = 0.0) -> Fault:
    """Giving up by a limit of our own; the message tells what the last attempt met, and the wait that would
    have gone beyond the limit."""
    if last is None:
        return classify(Cause(Layer.LOCAL, limit))
    text = f"the last attempt met {last.kind}: {last.message}"
    if wait_s:
        text += f"; the next is not allowed for {wait_s:.0f} s, which is after this limit"
    fault = classify(Cause(Layer.LOCAL, limit, text))._replace(
        retry_after_s=last.retry_after_s, ws_code=last.ws_code, http_status=last.http_status
    )
    if last.reached or last.kind in NOT_THE_NETWORK:
        return fault._replace(user_message=last.user_message, remediation=last.remediation or _AGAIN)
    advice = dict.fromkeys(text for text in (last.remediation, fault.remediation) if text)  # may be the same
    return fault._replace(remediation=" ".join(advice))
