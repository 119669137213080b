"""What may happen to a session: one table. Each row is called with the world, a source of chance, and the host,
for what the host does about it; it says how long the trouble lasts."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.soak.world import World

FOUND_DEAD_S = 75.0
"""A dead path is found by then: 30 s to the next ping, 35 s of silence, and a little."""
CLOSES = (
    (1011, "Internal error encountered."),
    (1011, "The service is currently unavailable."),
    (1008, "The operation was aborted."),
    (1001, "going away"),
    (1000, ""),
)
QUOTA = (1011, "You exceeded your current quota, please check your plan and billing details.")


def cut(world: World, chance: Random, _host: Any = None) -> None:
    """Reset, and both ends know."""
    link = world.live
    if link is not None:
        link.reset()
        link.peer.gone()
    world.weather.trouble(0.0)


def cut_unnoticed(world: World, chance: Random, _host: Any) -> None:
    """The client's network changed: the service takes the old connection for alive."""
    link = world.live
    if link is not None:
        link.reset()
        world.later(chance.choice([2.0, 8.0, 60.0, 900.0]), link.peer.gone)
    world.weather.trouble(20.0)


def freeze(world: World, chance: Random, _host: Any) -> None:
    """Nothing gets through for a while; what was under way comes late."""
    link, for_s = world.live, chance.choice([0.5, 3.0, 10.0, 33.0, 60.0])
    if link is not None:
        link.path(alive=False)
        world.later(for_s, lambda: link.path(alive=True))
    world.weather.trouble(for_s + FOUND_DEAD_S)


def half_open(world: World, chance: Random, _host: Any) -> None:
    """Nothing gets through any more, and the service needs eight minutes to notice."""
    link = world.live
    if link is not None:
        link.path(alive=False)
        world.later(480.0, link.peer.gone)
    world.weather.trouble(FOUND_DEAD_S + 20.0)


def freeze_then_reset(world: World, chance: Random, _host: Any) -> None:
    link, for_s = world.live, chance.uniform(0.5, 20.0)

    def end() -> None:
        if link is not None:
            link.reset()
            link.peer.gone()

    if link is not None:
        link.path(alive=False)
        world.later(for_s, end)
    world.weather.trouble(for_s)


def service_freezes(world: World, chance: Random, _host: Any) -> None:
    """It reads nothing: what it should have read waits in its system's buffer, acknowledged."""
    link, for_s = world.live, chance.uniform(1.0, 60.0)
    if link is not None:
        link.up.set(reads=False)
        world.weather.set("mute", True, for_s)
        world.later(for_s, lambda: link.up.set(reads=True))
    world.weather.trouble(for_s + FOUND_DEAD_S)


def closed(world: World, chance: Random, _host: Any) -> None:
    link = world.live
    if link is not None:
        link.peer.close(*chance.choice(CLOSES))
    world.weather.trouble(0.0)


def go_away(world: World, chance: Random, _host: Any) -> None:
    link, time_left_s = world.live, chance.choice([0.0, 1.0, 10.0, 50.0, 60.0, 300.0])
    if link is not None:
        link.peer.order_off(time_left_s)
        if chance.random() < 0.3:
            world.weather.set("mute", True, time_left_s)
    world.weather.trouble(time_left_s)


def dead_handles(world: World, chance: Random, host: Any) -> None:
    world.service.kill_sessions()
    cut(world, chance)


def quota(world: World, chance: Random, _host: Any) -> None:
    world.weather.set("setup", QUOTA, chance.uniform(5.0, 250.0))
    link = world.live
    if link is not None:
        link.peer.close(*QUOTA)


def busy(world: World, chance: Random, _host: Any) -> None:
    refusal = (chance.choice([429, 500, 502, 503]), chance.choice([None, None, 0, 5, 60]))
    world.weather.set("http", refusal, chance.uniform(1.0, 60.0))
    cut(world, chance)


def unreachable(world: World, chance: Random, _host: Any) -> None:
    knob, value = chance.choice([("tcp", "refused"), ("tcp", "hangs"), ("dns", "fails"), ("dns", "hangs")])
    world.weather.set(knob, value, chance.choice([1.0, 5.0, 30.0, 120.0]))
    if value == "hangs" and knob == "dns":
        world.weather.trouble(150.0)  # a lookup that hung may be waited for
    cut(world, chance)


def long_outage(world: World, chance: Random, _host: Any) -> None:
    """About as long as a session goes on trying."""
    world.weather.set("tcp", "refused", chance.uniform(500.0, 1200.0))
    cut(world, chance)


def hangs(world: World, chance: Random, _host: Any) -> None:
    world.weather.set(chance.choice(["upgrade", "setup"]), "hangs", chance.uniform(3.0, 60.0))
    cut(world, chance)


def refused_setups(world: World, chance: Random, _host: Any) -> None:
    world.weather.set("setup", chance.choice(CLOSES), chance.uniform(1.0, 40.0))
    cut(world, chance)


def slow_pongs(world: World, chance: Random, _host: Any) -> None:
    """As seen of the service (LP 6). No reason to leave."""
    world.weather.set("pongs", (8.0, 30.0), chance.uniform(20.0, 200.0))
    if chance.random() < 0.5:
        world.later(chance.uniform(5.0, 60.0), cut, world, chance)
        world.weather.trouble(60.0)


def stall(world: World, chance: Random, _host: Any) -> None:
    world.weather.set("mute", True, chance.uniform(10.0, 90.0))


def flaps(world: World, chance: Random, _host: Any) -> None:
    """A network that comes and goes."""
    at = 0.0
    for _ in range(chance.randrange(2, 7)):
        at += chance.uniform(0.05, 8.0)
        world.later(at, cut, world, chance)
    world.weather.trouble(at)


def sleeps(world: World, chance: Random, host: Any) -> None:
    """The machine sleeps; the host may say so before, after, or not at all."""
    for_s = chance.choice([3.0, 20.0, 90.0, 1800.0, 20_000.0])
    says = chance.choice(["both", "after", "nothing"])
    if says == "both":
        host.do("system_suspend")
    world.weather.trouble(for_s + FOUND_DEAD_S + 40.0)
    world.later(chance.uniform(0.0, 1.0), _fall_asleep, world, chance, host, for_s, says)


def _fall_asleep(world: World, chance: Random, host: Any, for_s: float, says: str) -> None:
    link = world.live
    world.loop.sleep(for_s)
    world.service.slept()
    if link is not None and (for_s > 60.0 or chance.random() < 0.5):
        world.service.loop.call_later(chance.choice([0.0, 5.0, 60.0]), link.peer.gone)
        if chance.random() < 0.5:
            world.later(0.05, link.reset)
        else:
            link.path(alive=False)
    world.weather.set(
        *chance.choice([("tcp", "refused"), ("dns", "fails")]), chance.choice([0.0, 0.0, 5.0, 15.0])
    )
    world.weather.trouble(FOUND_DEAD_S + 40.0)
    if says != "nothing":
        world.later(chance.uniform(0.0, 5.0), host.do, "system_resume")


Fault = Callable[[World, Random, Any], None]
FAULTS: dict[Fault, int] = {
    cut: 8,
    cut_unnoticed: 6,
    freeze: 8,
    half_open: 5,
    freeze_then_reset: 5,
    service_freezes: 5,
    closed: 6,
    go_away: 6,
    dead_handles: 4,
    quota: 3,
    busy: 4,
    unreachable: 6,
    long_outage: 1,
    hangs: 4,
    refused_setups: 4,
    slow_pongs: 6,
    stall: 3,
    flaps: 5,
    sleeps: 6,
}
"""Each with its weight."""


def happen(world: World, chance: Random, host: Any) -> str:
    """One of them; returns its name."""
    fault = chance.choices(list(FAULTS), list(FAULTS.values()))[0]
    fault(world, chance, host)
    return fault.__name__
