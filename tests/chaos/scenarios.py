"""All scenarios, and what is promised in each.

The promises are written by hand from the contract (README.md, docs/lifecycle.md, docs/errors.md) and what was
seen of the service; none is taken from a table of the product.
"""

from tests.chaos import shapes as do
from tests.chaos.judge import Promise
from tests.chaos.world import Scenario

SOON = {"reconnect": {"maxDelayMs": 2000}}
"""Else the backoff of up to 30 s, and not the fault, would decide about the gap."""
STRICT = {"heartbeat": {"preset": "strict"}} | SOON
TORN_OFTEN = {
    "reconnect": {"baseDelayMs": 100, "maxDelayMs": 200, "maxAttempts": 1000},
    "breaker": {"enabled": False},
}
"""For a session that is closed many times within seconds."""
CALM = Promise(reconnects=(0, 0), doubled_ms=0)
"""Nothing but a delay."""
SILENT = frozenset({"lineSilent"})
FRESH = frozenset({"fresh"})
"""Where the service keeps the session for the old line, or for nobody: a new one takes its place."""

COMES_BACK = (
    (1000, ""),
    (1000, "The operation was cancelled"),
    (1001, "going away"),
    (
        1008,
        "Connection aborted because the client failed to close the connection after receiving a GoAway signal",
    ),
    (1008, "The operation was aborted."),
    (1008, "Operation is not implemented, or supported, or enabled."),
    (1008, "a reason nobody has seen yet"),
    (1011, "Internal error encountered."),
    (1011, "Internal error occurred."),
    (1011, "Deadline expired before operation could complete."),
    (1011, "The service is currently unavailable."),
    (1011, "Failed to run inference for model: go/debugonly"),
    (1012, ""),
    (1014, ""),
    (4000, "a code nobody has seen yet"),
)
HANDLE_DEAD = (
    (1008, "BidiGenerateContent session not found"),
    (1008, "Requested entity was not found."),
    (1007, "Invalid session handle"),
    (1007, "Request contains an invalid argument."),
)
SLOW_DOWN = (
    (1011, "You exceeded your current quota, please check your plan and billing details"),
    (1011, "Resource has been exhausted (e.g. check quota)."),
    (1011, "generic::resource_exhausted: RESOURCE_EXHAUSTED: Maximum concurrent se"),
    (1011, "extensible_stubs::OVERLOADED_TOO_MANY_RETRIES_PER_REQUEST: You are mos"),
    (1013, ""),
)
FOR_GOOD = (
    (1007, "API key not valid. Please pass a valid API key.", "authentication"),
    (1007, "API key expired. Please renew the API key.", "authentication"),
    (1007, "User location is not supported for the API use.", "regionBlocked"),
    (1007, "setup must be the first message and only the first", "protocolViolation"),
    (
        1007,
        "Invalid JSON payload received. Unknown name \"x\" at 'setup': Cannot find field.",
        "setupInvalid",
    ),
    (
        1007,
        "Explicit activity control is not supported when automatic activity detection is enabled.",
        "setupInvalid",
    ),
    (1007, "gemini-x is not supported in the live api.", "modelUnavailable"),
    (1007, "the system instruction has 94 tokens, user system instruction has 41942 tokens", "setupInvalid"),
    (1007, "No matching speaker voice found for name: alloy", "setupInvalid"),
    (1007, "Text output is not supported for native audio output model.", "setupInvalid"),
    (1007, "Cannot extract voices from a non-audio request", "setupInvalid"),
    (
        1007,
        "The requested combination of response modalities (TEXT) is not supported by the model",
        "setupInvalid",
    ),
    (
        1007,
        "* BidiGenerateContentRequest.setup.tools[0].function_declarations[3]: only allow",
        "setupInvalid",
    ),
    (
        1008,
        "models/x is not found for API version v1beta, or is not supported for bidiGenerateContent.",
        "modelUnavailable",
    ),
    (1008, "Publisher Model `projects/x/models/y` was not found", "modelUnavailable"),
    (1008, "Generative Language API has not been used in project 1 before or it is disabled.", "apiDisabled"),
    (1008, "Your project has been denied access. Please contact support.", "accessDenied"),
    (1008, "Method doesn't allow unregistered callers", "authentication"),
    (1008, "Your API key was reported as leaked. Please use another API key.", "authentication"),
    (1011, "Your prepayment credits are depleted. Please go to AI Studio", "billing"),
)
REFUSED_FOR_GOOD = (
    (401, "authentication"),
    (403, "accessDenied"),
    (404, "endpointNotFound"),
    (400, "handshakeRefused"),
)
CUT = {"do": "cut"}


def cut_and(**gate):
    """A cut, and a gate fault that waits for the attempts after it."""
    return do.service_in_turn([CUT | {"gates": [gate]}])


EITHER = frozenset({"resumed", "fresh"})
AFTER_A_HOLE = Promise(gap_s=(8, 20), doubled_ms=3000, kinds=SILENT, restored=EITHER)
"""The service may not hear of the end, and keep the session. What was written into the hole arrives after it."""
CUT_LINE = Promise(gap_s=(0, 4))
"""The wait for the service to let go of the session (1.5 s), or a backoff of at most 1 s; and the dial."""
ACKNOWLEDGED_AND_LOST = Promise(gap_s=(0, 4))
"""The proxy acknowledges to TCP what it holds, and loses it: only pongs tell what arrived."""

# fmt: off
SCENARIOS = (
    # --- weather
    Scenario("latency 300 ms, jitter 100 ms", do.weather(6, "both", latency_s=0.3, jitter_s=0.1), CALM, short=True),
    Scenario("jitter up to 1.5 s", do.weather(10, "both", jitter_s=1.5), CALM),
    Scenario("latency 3 s each way", do.weather(15, "both", latency_s=3), CALM),
    Scenario("uplink at half the speech", do.weather(10, "up", bytes_per_s=20_000), CALM, STRICT),
    Scenario("downlink at a third of the model", do.while_model_speaks(do.weather(10, "down", bytes_per_s=20_000)), CALM),
    # --- the connection breaks
    Scenario("reset", do.proxy("reset"), CUT_LINE, short=True),
    Scenario("reset, 5 times in a row", do.proxy("reset", times=5, every_s=1, back_s=40), Promise(reconnects=(5, 5), gap_s=(0, 18))),
    Scenario("reset while the model speaks", do.cut_while_model_speaks, Promise(gap_s=(0, 2)), short=True),
    Scenario("half-close by the service", do.proxy("half_close", "down"), CUT_LINE, short=True),
    Scenario("half-close on the way to the service", do.proxy("half_close", "up"), Promise(gap_s=(0, 6))),
    Scenario("cut within a frame we send", do.proxy("cut_mid_frame", "up", after=100), CUT_LINE, short=True),
    Scenario("cut within a header we send", do.proxy("cut_mid_frame", "up", after=1), CUT_LINE),
    Scenario("cut within a frame of the service", do.while_model_speaks(do.proxy("cut_mid_frame", "down", after=100)), CUT_LINE),
    Scenario("reset of a slow uplink, the model speaks", do.while_model_speaks(do.slow_and_reset(6, 20_000)), ACKNOWLEDGED_AND_LOST),
    # --- the same under TLS
    Scenario("TLS: reset", do.proxy("reset"), CUT_LINE, tls=True, short=True),
    Scenario("TLS: half-close by the service", do.proxy("half_close", "down"), CUT_LINE, tls=True),
    Scenario("TLS: cut within a record", do.while_model_speaks(do.proxy("cut_mid_frame", "down", after=100)), CUT_LINE, tls=True),
    Scenario("TLS: reset of a slow uplink", do.while_model_speaks(do.slow_and_reset(6, 20_000)), ACKNOWLEDGED_AND_LOST, tls=True),
    Scenario("TLS: a bad record from the service", do.while_model_speaks(do.proxy("corrupt", "down", 8, 0x01)), CUT_LINE, tls=True, short=True),
    Scenario("TLS: a bad record to the service", do.proxy("corrupt", "up", 8, 0x01), CUT_LINE, tls=True),
    Scenario("TLS: frozen, strict", do.frozen(None, then="noticed"), Promise(gap_s=(1.5, 6), kinds=SILENT), STRICT, tls=True, short=True),
    Scenario("TLS: goAway in 10 s", do.service(do="goAway", timeLeft="10s"), Promise(gap_s=(0, 4), doubled_ms=0, kinds=frozenset({"reason: goAway"})), tls=True),
    # --- bytes are wrong
    Scenario("bad header from the service", do.while_model_speaks(do.proxy("corrupt", "down", 0, 0x70)), Promise(kinds=frozenset({"protocolError"})), short=True),
    Scenario("bad payload from the service", do.spoiled("down", 4, 0x80, told="session/invalidMessage"), CALM),
    Scenario("bad header to the service", do.proxy("corrupt", "up", 0, 0x70), Promise()),
    Scenario("bad payload to the service", do.proxy("corrupt", "up", 8, 0x01), Promise(restored=FRESH)),
    Scenario("bad audio to the service", do.spoiled("up", 400), Promise(reconnects=(0, 0), lost_ms=20, untold_ms=20, spoiled_ms=20)),
    # --- silence
    Scenario("frozen 4 s, then on", do.frozen(4, back=False), CALM),
    Scenario("frozen 3 s, then reset", do.frozen(3, then="reset"), Promise(gap_s=(3, 8)), short=True),
    Scenario("frozen, strict", do.frozen(None, then="noticed"), Promise(gap_s=(1.5, 6), kinds=SILENT), STRICT, short=True),
    Scenario("frozen, tolerant", do.frozen(None, then="noticed"), Promise(gap_s=(35, 40), kinds=SILENT)),
    Scenario("frozen and held, strict", do.frozen(None), Promise(gap_s=(10, 18), kinds=SILENT, restored=FRESH), STRICT),
    Scenario("frozen and held, tolerant", do.frozen(None), Promise(gap_s=(44, 52), kinds=SILENT, restored=FRESH, lost_ms=6000)),
    Scenario("connecting refused for 6 s", do.unwelcome("refused", 6), Promise(gap_s=(6, 10)), SOON, short=True),
    Scenario("accepted, then silence for 8 s", do.unwelcome("silent", 8), Promise(gap_s=(8, 17), kinds=frozenset({"handshakeTimeout"})), SOON),
    # --- the service closes, refuses, orders
    Scenario("closes: come back", do.closes(COMES_BACK), Promise(reconnects=(15, 15), gap_s=(0, 4)), TORN_OFTEN),
    Scenario("closes: the handle is dead", do.closes(HANDLE_DEAD), Promise(reconnects=(4, 4), restored=FRESH), TORN_OFTEN, short=True),
    Scenario("closes: slow down", do.closes(SLOW_DOWN), Promise(reconnects=(5, 5), gap_s=(3, 5), kinds=frozenset({"quotaExceeded", "overloaded", "tryAgainLater"})), {**TORN_OFTEN, "reconnect": {**TORN_OFTEN["reconnect"], "slowLaneMs": 3000}}),
    Scenario("closes: for good", do.gives_up([([{"do": "close", "code": code, "reason": reason}], kind) for code, reason, kind in FOR_GOOD]), Promise(ends="failed: billing", reconnects=(0, 0)), opens=False, short=True),
    Scenario("upgrades refused, then taken", do.service_in_turn([CUT | {"gates": [{"do": "refuse", "status": status}]} for status in (408, 500, 502, 503)]), Promise(reconnects=(4, 4), gap_s=(0, 20)), TORN_OFTEN),
    Scenario("429 with Retry-After 4 s", cut_and(do="refuse", status=429, retryAfterS=4), Promise(gap_s=(4, 9)), {"reconnect": {"slowLaneMs": 1000}}),
    Scenario("upgrades refused for good", do.gives_up([([{"do": "refuse", "status": status}, CUT], kind) for status, kind in REFUSED_FOR_GOOD]), Promise(ends="failed: handshakeRefused", reconnects=(0, 0)), opens=False),
    Scenario("open is refused", do.refused_open([([{"do": "refuse", "status": status}], kind) for status, kind in REFUSED_FOR_GOOD]), Promise(ends="never open", reconnects=(0, 0)), opens=False),
    Scenario("setup without an answer", cut_and(do="hang"), Promise(gap_s=(8, 14), kinds=frozenset({"setupTimeout"})), SOON),
    Scenario("goAway in 10 s", do.service(do="goAway", timeLeft="10s"), Promise(gap_s=(0, 4), doubled_ms=0, kinds=frozenset({"reason: goAway"})), short=True),
    Scenario("session held by the old line for 5 s", do.service(do="networkSwitch", forMs=5000), Promise(gap_s=(4, 10))),
    Scenario("session held for ever", do.service(do="networkSwitch"), Promise(gap_s=(9, 18), restored=FRESH)),
    Scenario("pongs 3 s late", do.borne(8, do="slowPongs", delayMs=3000, forMs=8000), CALM),
    # --- processes
    Scenario("sidecar stopped 60 s, 30 s of speech", do.sidecar_stopped(60, 30), CALM),
    Scenario("sidecar stopped 60 s, speech all along", do.sidecar_stopped(60, 60), Promise(reconnects=(0, 0), doubled_ms=0, lost_ms=17_000)),
    Scenario("sidecar stopped 5 s, strict", do.sidecar_stopped(5, 5), CALM, STRICT, short=True),
    Scenario("sidecar stopped 5 s, in doubt, strict", do.sidecar_stopped_in_doubt(5), CALM, STRICT, short=True),
    Scenario("service stopped 5 s", do.service_stopped(5, back=False), CALM),
    Scenario("service stopped 8 s, strict", do.service_stopped(8, back=True), Promise(reconnects=(1, 2), gap_s=(8, 20), doubled_ms=3000), STRICT),
    Scenario("host reads nothing for 10 s", do.deaf_host(10, drops=False), CALM),
    Scenario("host reads nothing, over 16 MiB", do.deaf_host(10, drops=True), Promise(reconnects=(0, 0), doubled_ms=0, growth_mb=64), script={"burstRate": 100}),
    # --- clocks
    Scenario("wall clock an hour on, and two back", do.clock_steps((3600, 0), (-3600, 0)), CALM, needs=("clock",), short=True),
    Scenario("the machine slept, the line lives", do.clock_steps((600, 600), sleeps=1), CALM, needs=("clock",)),
    Scenario("the machine slept, the line is dead", do.slept_and_dead, Promise(gap_s=(2, 8), kinds=SILENT), needs=("clock",), short=True),
    # --- the kernel
    Scenario("interface down 0.5 s, 3 times", do.link_down(0.5, times=3, back=False), CALM, needs=("netns",), short=True),
    Scenario("interface down 8 s, strict", do.link_down(8), AFTER_A_HOLE, STRICT, needs=("netns",)),
    Scenario("carrier lost 8 s, strict", do.link_down(8, side="far"), AFTER_A_HOLE, STRICT, needs=("netns",)),
    Scenario("black hole 8 s, strict", do.filtered(8, "INPUT -i v0 -p tcp -j DROP"), AFTER_A_HOLE, STRICT, needs=("iptables",), short=True),
    Scenario("black hole 10 s", do.filtered(10, "INPUT -i v0 -p tcp -j DROP", back=False), CALM, needs=("iptables",)),
    Scenario("black hole on the way back, strict", do.filtered(8, "OUTPUT -o v0 -p tcp -j DROP"), AFTER_A_HOLE, STRICT, needs=("iptables",)),
    Scenario("RST for every packet, 3 s", do.filtered(3, "INPUT -i v0 -p tcp -j REJECT --reject-with tcp-reset"), Promise(gap_s=(3, 18), restored=EITHER), SOON, needs=("iptables",)),
    Scenario("a fifth of all packets lost, 15 s", do.filtered(15, "INPUT -i v0 -m statistic --mode random --probability 0.2 -j DROP", "OUTPUT -o v0 -m statistic --mode random --probability 0.2 -j DROP", back=False), CALM, needs=("iptables",)),
    Scenario("another address, strict", do.new_address, Promise(gap_s=(1.5, 18), kinds=SILENT, restored=EITHER), STRICT, needs=("netns",), short=True),
    Scenario("DNS hangs at the open", do.names_hang_at_open, CALM, {"deadlines": {"openMs": 7000}}, needs=("netns",), opens=False, names=True, short=True),
    Scenario("DNS hangs for 12 s", do.names_hang(12), Promise(gap_s=(12, 22), kinds=frozenset({"dnsTimeout"})), SOON, needs=("netns",), names=True),
)
# fmt: on
