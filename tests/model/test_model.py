"""Any order of what a host, a network and a service may do keeps the promises of `docs/reliability.md`.

The steps are chosen by hypothesis, the rules are those of `world.py`. `make prove` chooses others each time.
"""

import random
import sys
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sidecar.lifecycle.item import Kind
from sidecar.lifecycle.settings import (
    STRICT,
    BreakerLimits,
    HandOver,
    Heartbeat,
    OutboxLimits,
    Reconnect,
    ResumptionOptions,
    Settings,
    StallLimits,
)
from sidecar.lifecycle.states import State
from tests.model.weather import ATTEMPTS, CLOSES, DENIALS, DENIED_ATTEMPTS, GOOD, OFFLINE
from tests.model.world import World

SETTINGS = {
    "default": Settings(),
    "strict": Settings(heartbeat=STRICT),
    "small": Settings(
        heartbeat=Heartbeat(dead_after_s=6.0, suspect_after_s=2.0, interval_s=3.0),
        outbox=OutboxLimits(ring_s=2.0, max_bytes=40_000, max_messages=40),
    ),
    "restless": Settings(
        hand_over=HandOver(recycle_after_s=100.0),
        stall=StallLimits(after_s=3.0, action="reconnect"),
        reconnect=Reconnect(backoff="list", delays_s=(0.0, 0.5, 3.0), jitter="proportional"),
    ),
    "once": Settings(reconnect=Reconnect(enabled=False)),
    "without a breaker": Settings(
        breaker=BreakerLimits(enabled=False), reconnect=Reconnect(backoff="fibonacci", max_attempts=12)
    ),
    "without resumption": Settings(resumption=ResumptionOptions(enabled=False)),
    "without replay": Settings(outbox=OutboxLimits(replay_unconfirmed=False)),
}
START, END = (b'{"realtimeInput":{"activity%s":{}}}' % mark for mark in (b"Start", b"End"))
FATES = Counter[str]()
"""How the runs ended, and what they had seen: a model whose worlds are all alike proves little."""


class Sessions(RuleBasedStateMachine):
    """One session from its open to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.in_activity = False

    @initialize(
        which=st.sampled_from(sorted(SETTINGS)),
        handle_age_s=st.sampled_from([None, None, 0.5, 60.0, 9000.0]),
        acks_known=st.booleans(),
        seed=st.integers(0, 999),
        plans=st.lists(st.sampled_from(ATTEMPTS), max_size=2),
    )
    def begin(self, which, handle_age_s, acks_known, seed, plans):
        self.world = World(
            SETTINGS[which],
            handle_age_s=handle_age_s,
            acks_known=acks_known,
            random=random.Random(seed).random,
        )
        self.world.plans.extend(plans)
        self.world.open()

    # --- time -----------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.0, 0.005, 0.02, 0.1, 0.3)))
    def a_moment_passes(self, seconds):
        self.world.pass_time(seconds)

    @rule(seconds=st.sampled_from((0.6, 1.0, 1.6, 4.0, 12.0)))
    def time_passes(self, seconds):
        self.world.pass_time(seconds)

    @rule(seconds=st.sampled_from((40.0, 100.0, 700.0)))
    def a_long_time_passes(self, seconds):
        self.world.pass_time(seconds)

    @rule(seconds=st.sampled_from((0.5, 3.0, 20.0)))
    def we_are_held_up(self, seconds):
        self.world.hold_up(seconds)

    @rule(slept_s=st.sampled_from((3.0, 60.0, 4000.0)), clock_stood=st.booleans())
    def the_machine_sleeps(self, slept_s, clock_stood):
        self.world.sleep(slept_s, clock_stood=clock_stood)

    # --- the host -------------------------------------------------------------------------------------

    @rule(chunks=st.integers(1, 12), pause_s=st.sampled_from((0.0, 0.2)))
    def the_user_speaks(self, chunks, pause_s):
        for _ in range(chunks):
            self.world.say(Kind.AUDIO)
            self.world.pass_time(pause_s)

    @rule(kind=st.sampled_from([kind for kind in Kind if kind not in (Kind.AUDIO, Kind.ACTIVITY)]))
    def the_app_says(self, kind):
        self.world.say(kind)

    @rule()
    def an_activity_begins_or_ends(self):
        accepted = len(self.world.ledger.kinds)
        self.world.say(Kind.ACTIVITY, frame=END if self.in_activity else START)
        if len(self.world.ledger.kinds) > accepted:
            self.in_activity = not self.in_activity

    @rule()
    def the_host_insists(self):
        self.world.insist()

    @rule()
    def the_host_suspends(self):
        self.world.act(lambda now: self.world.core.suspend(now, "suspendRequested"))

    @rule()
    def the_host_resumes(self):
        self.world.revive(lambda now: self.world.core.resume(now, "resumeRequested"))

    @rule(online=st.booleans(), address_changed=st.booleans())
    def the_network_changes(self, online, address_changed):
        core = self.world.core
        self.world.revive(
            lambda now: core.network_changed(now, online=online, address_changed=address_changed)
        )

    @rule()
    def the_host_pings(self):
        self.world.act(self.world.core.ping)

    @rule(quiet=st.booleans(), model_speaking=st.booleans())
    def the_conversation_moves(self, quiet, model_speaking):
        self.world.core.moment(quiet=quiet, model_speaking=model_speaking)

    @precondition(lambda self: self.world.core.machine.revision > 12)
    @rule(sure=st.integers(0, 9))
    def the_host_closes(self, sure):
        if sure == 0:
            self.world.close()

    # --- the network and the service --------------------------------------------------------------------

    @rule(plans=st.lists(st.sampled_from(ATTEMPTS), min_size=1, max_size=8))
    def trouble_waits(self, plans):
        self.world.plans.extend(plans)

    @rule()
    def the_network_is_gone(self):
        self.world.default_plan = OFFLINE
        self.world.cut()

    @rule()
    def the_network_is_back(self):
        self.world.default_plan = GOOD

    @rule(plan=st.sampled_from(DENIED_ATTEMPTS), sure=st.integers(0, 9))
    def the_service_will_deny(self, plan, sure):
        if sure == 0:
            self.world.plans.append(plan)

    @rule()
    def the_line_is_cut(self):
        self.world.cut()

    @rule(service_believes_s=st.sampled_from((0.5, 5.0, 900.0)), after_setup=st.booleans())
    def the_wifi_switches(self, service_believes_s, after_setup):
        self.world.refuses_after_setup = after_setup
        self.world.tear(service_believes_s)

    @rule(frozen=st.booleans())
    def the_line_freezes_or_thaws(self, frozen):
        self.world.freeze(frozen)

    @rule(close=st.sampled_from(CLOSES))
    def the_service_closes(self, close):
        self.world.close_by_service(close)

    @rule(close=st.sampled_from(DENIALS), sure=st.integers(0, 9))
    def the_service_denies(self, close, sure):
        if sure == 0:
            self.world.close_by_service(close)

    @rule(time_left_s=st.sampled_from((0.0, 5.0, 50.0, 300.0)))
    def the_service_orders_off(self, time_left_s):
        self.world.order_off(time_left_s)

    @rule()
    def the_model_answers(self):
        self.world.answer()

    @rule()
    def the_handles_die(self):
        self.world.service.forget_all()

    @rule(pongs=st.booleans(), late_s=st.sampled_from((0.0, 1.0, 8.0, 30.0)))
    def the_pongs_change(self, pongs, late_s):
        if self.world.socket is not None:
            self.world.socket.pongs, self.world.socket.pong_late_s = pongs, late_s
            self.world.socket.troubled = True

    # --- what holds -------------------------------------------------------------------------------------

    @invariant()
    def everything_holds(self):
        FATES["steps"] += 1
        self.world.run()
        self.world.check()

    def teardown(self):
        if not hasattr(self, "world") or sys.exc_info()[0] is not None:  # it failed on the way here
            return
        world = self.world
        heal_and_recover(world)
        FATES[world.core.state.value] += 1
        FATES["dials"] += len(world.sockets)
        FATES["messages"] += len(world.ledger.kinds)
        world.close()
        world.pass_time(10.0)
        world.check()
        assert world.core.state is State.DISCONNECTED
        assert world.finished == 1
        assert world.calls_waiting == 0, "an open, or a reconnect, never learns what came of it"
        assert world.outcomes[-1] == "closed"
        assert world.outcomes.count("closed") == 1
        world.ledger.check_end(world.service.received)


def heal_and_recover(world: World) -> None:
    """When all is well again the session comes back by itself, unless it was told that it cannot."""
    world.heal()
    if world.core.state is State.SUSPENDED:
        world.revive(lambda now: world.core.resume(now, "resumeRequested"))
    world.pass_time(900.0)
    world.check()
    state = world.core.state
    if state is State.FAILED:
        FATES["failed before it was healed"] += 1
        world.insist()
        world.pass_time(200.0)
        world.check()
    if state is not State.DISCONNECTED:
        settle(world)


def settle(world: World) -> None:
    """Connected and nothing waits; a planned move that is just under way may end first."""
    for _ in range(20):
        if world.core.state is State.CONNECTED and world.core.outbox.idle:
            assert world.calls_waiting == 0, "connected, and a call was not answered"
            return
        world.pass_time(1.0)
    outbox = world.core.outbox
    waiting = len(outbox.held) + len(outbox.unconfirmed)
    raise AssertionError(f"healed, and still {world.core.state}, and {waiting} messages wait")


@pytest.mark.timeout(600)
def test_any_order_of_events_keeps_the_promises() -> None:
    FATES.clear()
    run_state_machine_as_test(Sessions, settings=settings(stateful_step_count=60))
    print("\n" + ", ".join(f"{what}: {times}" for what, times in FATES.items()))
    assert FATES["steps"] >= 25_000
    assert FATES["dials"] >= 2_000
    assert FATES["failed before it was healed"] >= 10
