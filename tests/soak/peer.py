"""One connection at the service: the upgrade, the setup, what is taken and what is answered."""

import base64
from typing import TYPE_CHECKING, Any

import msgspec

from tests.soak import wire
from tests.soak.net import Link

if TYPE_CHECKING:
    from tests.soak.service import Service, Session

SETUP_TAKES_S = 0.3
REFUSAL_TAKES_S = 0.5
OWNED = (1011, "Internal error encountered.")
OVERRUN = (
    1008,
    "Connection aborted because the client failed to close the connection after receiving a GoAway",
)


class Peer:
    """Attributes: `open`: as far as the service knows; `setup_seen`: how many; `ready_at_client`: the client
    was given setupComplete, and that by bytes that arrived."""

    def __init__(self, service: "Service", link: Link) -> None:
        self.service, self.link = service, link
        self.open = True
        self.session: Session | None = None
        self.speaking = False
        self.setups = 0
        self.ready = False
        self.ends_at = float("inf")
        self._head: bytes | None = b""
        self._frames = wire.Frames()
        self._last_n = -1
        self._closing = False

    # --- bytes ------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        if not self.open:
            return
        if self._head is not None:
            self._head += data
            if b"\r\n\r\n" not in self._head:
                return
            head, self._head = self._head, None
            self._upgrade(head)
            return
        for opcode, payload in self._frames.feed(data):
            if not self.open:
                return
            self._frame(opcode, payload)

    def gone(self) -> None:
        if self.open:
            self.open = False
            self.service.let_go(self)

    def _upgrade(self, head: bytes) -> None:
        weather = self.service.weather
        if weather.now("upgrade") == "hangs":
            self.later(60.0, self.hang_up)
        elif (refused := weather.now("http")) is not None:
            self.link.down.send(wire.refusal(*refused))
            self.hang_up()
        else:
            self.link.down.send(wire.accept(head))

    def hang_up(self) -> None:
        """The end, without a close frame."""
        if self.open:
            self.link.down.send(b"")
            self.gone()

    def _frame(self, opcode: int, payload: bytes) -> None:
        if self._closing:
            self._note(f"a frame of kind {opcode} after a close frame")
        if opcode == wire.PING:
            late = self.service.weather.now("pongs")
            if late is None:
                self.write(wire.frame(wire.PONG, payload))
            else:
                delay_s = self.service.chance.uniform(*late)
                self.later(delay_s, lambda: self.write(wire.frame(wire.PONG, payload)))
        elif opcode == wire.CLOSE:
            self._closing = True
            self.write(wire.close_frame(1000, ""))
            self.gone()
        elif self.setups == 0 or b'"setup"' in payload[:12]:
            self._setup(msgspec.json.decode(payload))
        elif not self.ready:
            self._note("a message before setupComplete")
        else:
            self._message(payload)

    def write(self, data: bytes) -> None:
        if self.open:
            self.link.down.send(data)

    def say(self, message: dict[str, Any]) -> None:
        """A server message, binary and in a text frame by turns, as either comes."""
        if not self.service.weather.now("mute"):
            self.write(wire.frame(wire.BINARY, msgspec.json.encode(message)))

    def close(self, code: int, reason: str) -> None:
        if self.open:
            self.write(wire.close_frame(code, reason))
            self.gone()

    def later(self, delay_s: float, do: Any) -> None:
        self.service.loop.call_later(delay_s, lambda: do() if self.open else None)

    def _note(self, what: str) -> None:
        self.service.broken.append(f"connection {self.link.number}: {what}")

    # --- setup ------------------------------------------------------------------------------------

    def _setup(self, message: dict[str, Any]) -> None:
        service, weather = self.service, self.service.weather
        self.setups += 1
        service.setups += 1
        if self.setups > 1 or "setup" not in message:
            self._note("two setups on one socket" if "setup" in message else "no setup first")
            return
        trouble = weather.now("setup")
        if trouble == "hangs":
            return
        if trouble is not None:
            self.later(REFUSAL_TAKES_S, lambda: self.close(*trouble))
            return
        handle = (message["setup"].get("sessionResumption") or {}).get("handle")
        claimed = service.claim(handle)
        if claimed is None or isinstance(claimed, tuple):
            code, reason = claimed or OWNED
            if service.chance.random() < 0.3:  # which order the service uses is not known
                self._ready()
            self.later(REFUSAL_TAKES_S, lambda: self.close(code, reason))
            return
        self.session, claimed.owner = claimed, self
        self.later(SETUP_TAKES_S, self._ready)

    def _ready(self) -> None:
        self.ready = True
        self.write(wire.frame(wire.BINARY, b'{\n "setupComplete": {}\n}\n'))
        if self.session is None:
            return
        self.give_handle()
        self.later(self.service.line_life_s, lambda: self.order_off(50.0))

    def give_handle(self) -> None:
        session = self.session
        if session is not None:
            session.handles += 1
            handle = f"{session.name}/{session.handles}"
            self.say({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})

    def order_off(self, time_left_s: float) -> None:
        """goAway: leave by then, or be closed."""
        if self.session is not None and self.open:
            self.ends_at = min(self.ends_at, self.service.loop.world_s() + time_left_s)
            self.say({"goAway": {"timeLeft": f"{time_left_s:g}s"}})
            self.later(time_left_s, self.look_at_the_clock)

    def look_at_the_clock(self) -> None:
        if self.open and self.service.loop.world_s() >= self.ends_at - 1e-6:
            self.service.overruns += 1
            self.close(*OVERRUN)

    # --- messages ---------------------------------------------------------------------------------

    def _message(self, payload: bytes) -> None:
        if self.session is None:
            return  # a session that it does not have: nothing is taken
        if payload.startswith(b'{"realtimeInput":{"audio"'):
            start = payload.index(b'"data":"') + 8
            self._take(int.from_bytes(base64.b64decode(payload[start : start + 12])[:8], "big"), "audio")
            return
        message = msgspec.json.decode(payload)
        if "toolResponse" in message:
            response = message["toolResponse"]["functionResponses"][0]
            if response["id"] not in self.session.calls:
                self._note(f"an answer to {response['id']}, which is no call of {self.session.name}")
            self._take(response["response"]["n"], "toolResponse")
            self.later(0.5, self._answer)
        elif "clientContent" in message:
            return  # the history of the session before
        elif "text" in message["realtimeInput"]:
            self._take(int(message["realtimeInput"]["text"]), "text")
            self.later(0.5, self._answer)
        else:
            self.later(0.5, self._answer)

    def _take(self, n: int, kind: str) -> None:
        if n <= self._last_n:
            self._note(f"{kind} {n} came after {self._last_n}")
        self._last_n = n
        self.service.ledger.received(n, kind)

    def _answer(self) -> None:
        """A turn of the model, or a tool call."""
        session, chance = self.session, self.service.chance
        if session is None or self.speaking:
            return
        if chance.random() < 0.3:
            call = f"{session.name}-{len(session.calls)}"
            session.calls.add(call)
            self.say({"toolCall": {"functionCalls": [{"id": call, "name": "look", "args": {}}]}})
            return
        self.speaking = True
        words = chance.randrange(1, 5)
        for i in range(words):
            self.later(
                0.2 + i, lambda: self.say({"serverContent": {"modelTurn": {"parts": [{"text": "so "}]}}})
            )
        self.later(0.2 + words, lambda: self.say({"serverContent": {"generationComplete": True}}))
        self.later(0.5 + words, self._end_turn)

    def _end_turn(self) -> None:
        self.speaking = False
        self.say({"serverContent": {"turnComplete": True}})
        self.give_handle()
        if self.service.chance.random() < 0.1:
            self.say({})  # the service does so at times
