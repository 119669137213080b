"""The model's side of one connection: it hears audio, takes turns, and stops when it is interrupted.

What must survive the connection (the turn counter, a running utterance, open tool calls) is in the session.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from .accounting import Chunk
from .dialect import Message
from .hearing import Heard
from .refusals import refused
from .script import Script, Turn
from .session import Session
from .setup import Setup
from .tools import Tools
from .turns import answer, spoken_ms, transcription, turn_complete, words
from .usage import Tokens

_NO_HISTORY = {"functionCall", "functionResponse"}
"""Parts that were refused in a history (LP 2.2)."""
_SIGNALS = {"ACTIVITY_START": "VAD_SIGNAL_TYPE_SOS", "ACTIVITY_END": "VAD_SIGNAL_TYPE_EOS"}


class Model:
    """`send` takes messages. `busy` is called with True as the model begins to generate or to wait for a
    function, and with False as it is idle again."""

    def __init__(
        self,
        session: Session,
        setup: Setup,
        script: Script,
        send: Callable[[Message], None],
        busy: Callable[[bool], None] | None = None,
    ) -> None:
        self._session = session
        self._setup = setup
        self._script = script
        self._send = send
        self._busy = busy
        self._was_busy = False
        self._tools = Tools(session, setup, script, send)
        self._awaits_history = setup.awaits_history
        self._turns: list[asyncio.Task[None]] = []
        self._clock = asyncio.get_running_loop().time
        self._completed_at_s: float | None = None

    @property
    def speaking(self) -> bool:
        """A turn is running, up to its turnComplete."""
        self._turns = [task for task in self._turns if not task.done()]
        return bool(self._turns)

    def stop(self) -> None:
        """The connection is gone: what was running is abandoned, nothing more is sent."""
        for task in self._turns:
            task.cancel()
        self._turns.clear()

    # --- what the client sends

    def hear(self, chunks: Iterable[Chunk]) -> None:
        if self._awaits_history:
            return
        for chunk in chunks:
            if self._setup.detects_activity:
                self._heed(self._session.detector.hear(chunk, self._setup.patience))
            elif self._session.activity_ms is not None:
                self._session.activity_ms += chunk.ms
                while self._session.activity_ms >= self._script.word_ms:
                    self._session.activity_ms -= self._script.word_ms
                    self._transcribe_word()

    def see(self) -> None:
        """An image. It counts, and nothing comes of it."""
        self._session.context.add_image()

    def audio_stream_end(self) -> None:
        if not self._setup.detects_activity:  # LP 2.3; the text for this case was not seen
            raise refused("invalidArgument")
        self._heed(self._session.detector.stop())

    def activity_start(self) -> None:
        self._require_manual_activity()
        self._session.activity_ms = 0.0
        self._begin_utterance()

    def activity_end(self) -> None:
        self._require_manual_activity()
        if self._session.activity_ms is not None:
            self._session.activity_ms = None
            self._end_utterance()

    def content(self, turns: list[dict[str, Any]], *, turn_complete: bool) -> None:
        """clientContent: always interrupts; starts a turn when it says so (LP 2.2).

        As long as the session waits for its history, it is that and nothing else.
        """
        said = [(turn.get("role", "user"), part) for turn in turns for part in turn.get("parts", [])]
        for _, part in said:
            self._session.context.add_text(part.get("text", ""))
        if self._awaits_history:
            if any(part.keys() & _NO_HISTORY for _, part in said):
                raise refused("invalidArgument")
            self._session.history += turns
            self._awaits_history = not turn_complete
            return
        self._session.texts += [part["text"] for role, part in said if role == "user" and part.get("text")]
        self.interrupt()
        if turn_complete:
            self._start_turn()

    def context_update(self, update: dict[str, Any]) -> None:
        """contextUpdate: another instruction, which changes nothing that is scripted, and other tools."""
        if "tools" in update:
            self._tools.declared(update["tools"].get("tools", []))

    def text(self, text: str) -> None:
        """realtimeInput.text counts as an utterance of its own."""
        if not self._awaits_history:
            self._session.texts.append(text)
            self._session.context.add_text(text)
            self.interrupt()
            self._start_turn()

    def tool_response(self, responses: Iterable[dict[str, Any]]) -> None:
        for response in responses:
            self._tools.answered(response, self)
        self._tell_busy()

    # --- utterances

    def _heed(self, heard: Iterable[Heard]) -> None:
        for what, at_ms in heard:
            if what == "word":
                self._transcribe_word()
            elif what == "start":
                self._voice_activity("ACTIVITY_START", at_ms)
                self._begin_utterance()
            else:
                self._voice_activity("ACTIVITY_END", at_ms)
                self._end_utterance()

    def _begin_utterance(self) -> None:
        if self._setup.speech_interrupts and not self.interrupt() and self._stray_interrupted():
            self._send({"serverContent": {"interrupted": True}})
        turn = self._session.next_turn()
        self._session.unspoken = words(turn.user) if turn is not None and turn.user else []

    def _stray_interrupted(self) -> bool:
        """`interrupted` although no turn is running was seen, too (LP 3)."""
        if self._script.early_interrupted:
            return True
        playing_s = self._script.late_interrupted_ms / self._script.playback_rate / 1000
        return self._completed_at_s is not None and self._clock() < self._completed_at_s + playing_s

    def _transcribe_word(self) -> None:
        if self._session.unspoken:
            self._transcribe(self._session.unspoken.pop(0))

    def _end_utterance(self) -> None:
        if self._session.unspoken:
            self._transcribe("".join(self._session.unspoken))
            self._session.unspoken = []
        self._start_turn()

    def _transcribe(self, text: str) -> None:
        turn = self._session.next_turn()
        if self._setup.transcribes_input and turn is not None:
            heard = transcription(text, turn.language_code, turn.speaker_label)
            self._send({"serverContent": {"inputTranscription": heard}})

    def _voice_activity(self, kind: str, at_ms: float) -> None:
        if self._setup.tells_activity:
            self._send({"voiceActivity": {"type": kind, "audioOffset": f"{at_ms / 1000:g}s"}})
        if self._setup.signals_activity:
            self._send({"voiceActivityDetectionSignal": {"vadSignalType": _SIGNALS[kind]}})

    def _require_manual_activity(self) -> None:
        if self._setup.detects_activity:
            raise refused("explicitActivity")

    # --- turns

    def go_on(self, turn: Turn) -> None:
        self._run(turn, ask=False)

    def interrupt(self) -> bool:
        """Ends what is running as LP 3 says: interrupted, then turnComplete, no generationComplete.

        False when nothing was running.
        """
        if not self.speaking and not self._tools.blocked():
            return False
        self.stop()
        self._tools.cancel()
        self._send({"serverContent": {"interrupted": True}})
        self._complete(Tokens())
        self._tell_busy()
        return True

    def _start_turn(self) -> None:
        turn = self._session.next_turn()
        if turn is not None:
            self._session.turns_taken += 1
            self._run(turn, ask=turn.tool_call is not None)

    def _run(self, turn: Turn, *, ask: bool) -> None:
        # One can be running with NO_INTERRUPTION, or when a function's answer waits for it to end.
        previous = self._turns[-1] if self.speaking else None
        self._turns.append(asyncio.create_task(self._take(turn, previous, ask=ask)))
        self._tell_busy()

    async def _take(self, turn: Turn, previous: asyncio.Task[None] | None, *, ask: bool) -> None:
        if previous is not None:
            await asyncio.wait([previous])
        if ask:
            await asyncio.sleep(self._script.response_delay_ms / self._script.playback_rate / 1000)
            if self._tools.call(turn):
                self._complete(Tokens())
        else:
            await self._speak(turn)
        self._turns.remove(asyncio.current_task())  # type: ignore[arg-type]
        self._tell_busy()

    async def _speak(self, turn: Turn) -> None:
        started_s = self._clock()
        idle = not self._session.pending_tools
        for step in answer(turn, self._script, self._setup.manner, self._session.prompt(), idle=idle):
            delay_s = started_s + step.at_ms / 1000 - self._clock()
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            self._send(step.message)
        self._completed_at_s = self._clock()
        if self._setup.manner.text_only:
            self._session.context.add_text(turn.model)
        else:
            self._session.context.add_audio(spoken_ms(turn))

    def _complete(self, response: Tokens) -> None:
        """turnComplete apart from a spoken answer."""
        for message in turn_complete(
            self._script,
            self._setup.manner,
            self._session.prompt(),
            response,
            idle=not self._session.pending_tools,
        ):
            self._send(message)

    def _tell_busy(self) -> None:
        busy = self.speaking or self._tools.blocked()
        if busy != self._was_busy:
            self._was_busy = busy
            if self._busy is not None:
                self._busy(busy)
