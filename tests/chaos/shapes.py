"""The shapes of faults: each function makes what a scenario does, from how long or how often it does it."""

import asyncio
import signal

from tests.chaos import net


def weather(lasts_s, way, **bad):
    """Bad weather in one direction (or `both`), and fair again."""

    async def does(world):
        world.mark()
        ways = ("up", "down") if way == "both" else (way,)
        fair = {name: vars(world.proxy.weather[name]).copy() for name in ways}
        for name in ways:
            vars(world.proxy.weather[name]).update(bad)
        await asyncio.sleep(lasts_s)
        for name in ways:
            vars(world.proxy.weather[name]).update(fair[name])
        await world.still()

    return does


def proxy(action, *args, times=1, every_s=0.5, back_s=20, **options):
    """An action of the proxy that ends the connection, again and again once it is back."""

    async def does(world):
        for _ in range(times):
            await asyncio.sleep(every_s)
            world.mark()
            getattr(world.proxy, action)(*args, **options)
            await world.back(back_s)

    return does


def slow_and_reset(lasts_s, bytes_per_s):
    """An uplink slower than the speech, and then the end, with much under way."""

    async def does(world):
        world.proxy.weather["up"].bytes_per_s = bytes_per_s
        await asyncio.sleep(lasts_s)
        world.mark()
        world.proxy.reset()
        world.proxy.weather["up"].bytes_per_s = None
        await world.back()

    return does


def spoiled(way, at, bit=0x01, told=None):
    """One bit of the next frame is flipped, and the connection survives it."""

    async def does(world):
        world.mark()
        world.proxy.corrupt(way, at, bit)
        if way == "down":
            await ask_model(world)
        await world.host.until(lambda: world.proxy.sprung(way), 10, "the frame")
        if told:
            await world.host.until(lambda: world.host.notes(told), 10, told)
        await world.still()

    return does


def frozen(lasts_s, then=None, back=True):
    """Nothing passes, then the connection thaws, or is reset; or it stays as it is (`lasts_s` None).

    As long as it stays, the service takes it for alive; `then` "noticed": until the sidecar gave it up.
    """

    async def does(world):
        world.mark()
        world.proxy.freeze()
        if lasts_s is not None:
            await asyncio.sleep(lasts_s)
            if then == "reset":
                world.proxy.reset()
            else:
                world.proxy.freeze(False)
        elif then == "noticed":
            await world.host.until(lambda: world.host.notes("session/reconnecting"), 60, "a verdict")
            world.proxy.reset()
        await (world.back(60) if back else world.still())

    return does


def unwelcome(how, lasts_s):
    """The connection is reset, and for a while connecting is refused, or accepted and never answered."""

    async def does(world):
        world.mark()
        if how == "refused":
            await world.proxy.refuse()
        else:
            world.proxy.silence()
        world.proxy.reset()
        await asyncio.sleep(lasts_s)
        if how == "refused":
            await world.proxy.listen()
        else:
            world.proxy.silence(False)
        await world.back(30)

    return does


async def ask_model(world):
    """The model begins to tell its story."""
    started = len(world.host.notes("session/turn", event="started"))
    await world.host.ask("session/send", sessionId="s1", realtimeInput={"text": "Tell me."})
    await world.host.until(
        lambda: len(world.host.notes("session/turn", event="started")) > started, 10, "the model's answer"
    )


def while_model_speaks(does):
    """The same, in the middle of the model's answer."""

    async def speaking(world):
        await ask_model(world)
        await does(world)

    return speaking


async def cut_while_model_speaks(world):
    """The turn ends once, as interrupted and cut."""
    await ask_model(world)
    await proxy("reset")(world)
    cut = world.host.notes("session/turn", event="interrupted", cut=True)
    world.expect(len(cut) == 1, f"the cut turn ends once as interrupted: {len(cut)} times")


# --- what the service does


def service(**fault):
    """A fault of the simulator that costs the connection."""
    return service_in_turn([fault])


def service_in_turn(faults, back_s=30):
    """Several, one after the other; each may bring gate faults along that wait for the next attempts."""

    async def does(world):
        for fault in faults:
            world.mark()
            for gate in fault.get("gates", ()):
                await world.service.do(**gate)
            await world.service.do(**{name: value for name, value in fault.items() if name != "gates"})
            await world.back(back_s)

    return does


def closes(table):
    """The service closes with each code and reason of a table, and the session comes back."""
    return service_in_turn([{"do": "close", "code": code, "reason": reason} for code, reason in table])


def borne(lasts_s, **fault):
    """A fault of the simulator that should cost nothing."""

    async def does(world):
        world.mark()
        await world.service.do(**fault)
        await asyncio.sleep(lasts_s)
        await world.still()

    return does


def gives_up(table):
    """For each row (faults, kind) a session is opened, meets the faults, and ends for good with that kind.

    A gate fault waits for the next attempt, so it is given before the one that ends the connection.
    """

    async def does(world):
        for faults, kind in table:
            await world.connect()
            world.mark()
            for fault in faults:
                await world.service.do(**fault)
            await world.ended(5)
            _, seen = world.host.state()
            world.expect(seen == kind, f"{faults[0]}: ends with {kind}: with {seen}")
            await world.close()
        made = len((await world.service.state())["connections"])
        fewest = len(table)
        world.expect(made == fewest, f"no attempt after the end: {fewest} connections, {made} were made")

    return does


def refused_open(table):
    """For each row (faults, kind) `session/open` is refused with that kind, and nothing is left."""

    async def does(world):
        world.row.rss_before_mb = world.host.rss_mb()
        for faults, kind in table:
            world.mark()
            for fault in faults:
                await world.service.do(**fault)
            answer = await world.host.answer(world.begin_open())
            seen = answer.get("error", {}).get("data", {}).get("kind")
            world.expect(seen == kind, f"{faults[0]}: session/open is refused with {kind}: {seen}")
            sessions = (await world.host.ask("session/list"))["sessions"]
            world.expect(not sessions, "a session that did not open is gone")
        world.row.rss_after_mb = world.host.rss_mb()
        world.row.ends = "never open"

    return does


# --- what becomes of processes


def sidecar_stopped(lasts_s, talks_s, back=False):
    """SIGSTOP, and SIGCONT after `lasts_s`; the user talks on for `talks_s` of it."""

    async def does(world):
        world.mark()
        world.host.stop_process()
        await asyncio.sleep(talks_s)
        await world.host.hush()
        await asyncio.sleep(lasts_s - talks_s)
        world.host.continue_process()
        world.host.speak()
        await (world.back(60) if back else world.still(60))

    return does


def sidecar_stopped_in_doubt(lasts_s):
    """SIGSTOP while a ping waits for its answer, which comes only after SIGCONT: no silence of the service."""

    async def does(world):
        world.mark()
        world.proxy.freeze()
        await asyncio.sleep(0.6)  # longer than between two pings
        world.host.stop_process()
        await asyncio.sleep(lasts_s)
        world.host.continue_process()
        await asyncio.sleep(0.1)
        world.proxy.freeze(False)
        await world.still()

    return does


def service_stopped(lasts_s, back):
    """SIGSTOP of the service, and SIGCONT after `lasts_s`."""

    async def does(world):
        world.mark()
        world.service.stop_process()
        await asyncio.sleep(lasts_s)
        world.service.continue_process()
        await (world.back(60) if back else world.still())

    return does


def deaf_host(lasts_s, drops):
    """The host reads nothing for a while, the model speaking; `drops`: more than is kept for it."""

    async def does(world):
        await ask_model(world)
        world.mark()
        world.host.deaf()
        await asyncio.sleep(lasts_s)
        world.host.deaf(False)
        await world.still(60)
        dropped = world.host.notes("session/dropped", reason="hostNotReading")
        kinds = {note["kind"] for note in dropped}
        expected = {"modelAudio"} if drops else set()
        world.expect(kinds == expected, f"drops {expected or 'nothing'} for the host: {kinds or 'nothing'}")
        numbers = [params["seq"] for _, _, params in world.host.heard if "seq" in params]
        world.expect(numbers == list(range(1, len(numbers) + 1)), "seq has no gap")

    return does


# --- clocks


def clock_steps(*steps, sleeps=0):
    """(wall, boot) clock steps, one after the other; so many sleeps of the machine are found."""

    async def does(world):
        for wall_s, boot_s in steps:
            world.mark()
            world.clock.step(wall_s, boot_s)
            await asyncio.sleep(2.5)  # the clocks are compared once a second
            await world.still()
        await _sleeps(world, sleeps)

    return does


async def slept_and_dead(world):
    """The machine slept, and the connection died meanwhile: a probe finds out."""
    world.clock.step(0, 600)
    await frozen(None, then="noticed")(world)
    await _sleeps(world, 1)


async def _sleeps(world, expected):
    stats = (await world.host.ask("session/stats", sessionId="s1"))["session"]
    found = stats["connections"]["sleeps"]
    world.expect(found == expected, f"finds {expected} sleeps of the machine: {found}")


# --- the kernel


def link_down(lasts_s, side="near", times=1, back=True):
    """An interface goes down and up again."""

    async def does(world):
        switch = world.link.up if side == "near" else world.link.far_up
        for _ in range(times):
            world.mark()
            switch(False)
            await asyncio.sleep(lasts_s)
            switch()
            await (world.back(60) if back else world.still(45))

    return does


def filtered(lasts_s, *rules, back=True):
    """The packet filter drops or refuses, for a while."""

    async def does(world):
        world.mark()
        for rule in rules:
            world.link.filter(f"-A {rule}")
        await asyncio.sleep(lasts_s)
        for rule in rules:
            world.link.filter(f"-D {rule}")
        await (world.back(60) if back else world.still(60))

    return does


async def new_address(world):
    """The machine moves to another network: its address is another, and the old one is gone."""
    world.mark()
    world.link.move(net.SIDECAR, net.OTHER)
    await world.back()


async def names_hang_at_open(world):
    """`session/open` ends at its deadline; with names back the next one works."""
    world.mark()
    world.link.names_hang(signal.SIGSTOP)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    answer = await world.host.answer(world.begin_open())
    took_s = loop.time() - began_s
    seen = answer.get("error", {}).get("data")
    world.expect(seen and seen["kind"] == "openTimeout", f"session/open is refused with openTimeout: {seen}")
    world.expect(seen and "dnsTimeout" in seen["message"], f"session/open names the DNS: {seen}")
    deadline_s = world.scenario.settings["deadlines"]["openMs"] / 1000
    world.expect(took_s <= deadline_s + 0.5, f"session/open fails at {deadline_s} s: after {took_s:.1f}")
    world.link.names_hang(signal.SIGCONT)
    await world.open()
    await world.still()


def names_hang(lasts_s):
    """The connection is lost, and its name cannot be found for a while."""

    async def does(world):
        world.mark()
        world.link.names_hang(signal.SIGSTOP)
        await world.service.do(do="cut")
        await asyncio.sleep(lasts_s)
        world.link.names_hang(signal.SIGCONT)
        await world.back(30)

    return does
