"""The model's side of one connection: it hears audio, takes turns, and stops when it is interrupted.

What must survive the connection (the turn counter, a running utterance, open tool calls) is in the session.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Any

from .accounting import Chunk
from .refusals import INVALID_ARGUMENT, NO_MANUAL_ACTIVITY, Refused
from .script import Script, Turn
from .session import Session
from .setup import Setup
from .turns import Heard, Message, answer, turn_complete, words

_NO_HISTORY = {"functionCall", "functionResponse", "function_call", "function_response"}
"""Parts that were refused in a history (LP 2.2)."""


def parts_of(turn: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in turn.get("parts", []) if isinstance(part, dict)]


class Model:
    def __init__(
        self, session: Session, setup: Setup, script: Script, send: Callable[[Message], None]
    ) -> None:
        self._session = session
        self._setup = setup
        self._script = script
        self._send = send
        self._awaits_history = setup.awaits_history
        self._turns: list[asyncio.Task[None]] = []

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
                self._heed(self._session.detector.hear(chunk, self._setup.end_of_speech_ms))
            elif self._session.activity_ms is not None:
                self._session.activity_ms += chunk.ms
                while self._session.activity_ms >= self._script.word_ms:
                    self._session.activity_ms -= self._script.word_ms
                    self._transcribe_word()

    def audio_stream_end(self) -> None:
        if not self._setup.detects_activity:  # LP 2.3; the text for this case was not seen
            raise Refused(1007, INVALID_ARGUMENT)
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
        if self._awaits_history:
            if any(part.keys() & _NO_HISTORY for turn in turns for part in parts_of(turn)):
                raise Refused(1007, INVALID_ARGUMENT)
            self._session.history += turns
            self._awaits_history = not turn_complete
            return
        said = [turn for turn in turns if turn.get("role", "user") == "user"]
        self._session.texts += [part["text"] for turn in said for part in parts_of(turn) if part.get("text")]
        self._interrupt()
        if turn_complete:
            self._start_turn()

    def text(self, text: str) -> None:
        """realtimeInput.text counts as an utterance of its own."""
        if not self._awaits_history:
            self._session.texts.append(text)
            self._interrupt()
            self._start_turn()

    def tool_response(self, ids: Iterable[str]) -> None:
        """The turn goes on when its call is answered. An answer to a cancelled call came too late."""
        session = self._session
        for call_id in ids:
            turn = session.pending_tools.pop(call_id, None)
            if turn is not None:
                self._run(turn, ask=False)
            elif call_id not in session.cancelled_tools:
                raise Refused(1007, INVALID_ARGUMENT)

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
        if self._setup.speech_interrupts:
            self._interrupt()
        turn = self._session.next_turn()
        self._session.unspoken = words(turn.user) if turn is not None and turn.user else []

    def _transcribe_word(self) -> None:
        if self._session.unspoken:
            self._transcribe(self._session.unspoken.pop(0))

    def _end_utterance(self) -> None:
        if self._session.unspoken:
            self._transcribe("".join(self._session.unspoken))
            self._session.unspoken = []
        self._start_turn()

    def _transcribe(self, text: str) -> None:
        if self._setup.transcribes_input:
            self._send({"serverContent": {"inputTranscription": {"text": text}}})

    def _voice_activity(self, kind: str, at_ms: float) -> None:
        if self._script.voice_activity:
            self._send({"voiceActivity": {"type": kind, "audioOffset": f"{at_ms / 1000:g}s"}})

    def _require_manual_activity(self) -> None:
        if self._setup.detects_activity:
            raise Refused(1007, NO_MANUAL_ACTIVITY)

    # --- turns

    def _start_turn(self) -> None:
        turn = self._session.next_turn()
        if turn is not None:
            self._session.turns_taken += 1
            self._run(turn, ask=turn.tool_call is not None)

    def _run(self, turn: Turn, *, ask: bool) -> None:
        # Only with NO_INTERRUPTION can one be running; the new one waits for its end.
        previous = self._turns[-1] if self.speaking else None
        self._turns.append(asyncio.create_task(self._take(turn, previous, ask=ask)))

    async def _take(self, turn: Turn, previous: asyncio.Task[None] | None, *, ask: bool) -> None:
        if previous is not None:
            await asyncio.wait([previous])
        if ask:
            await asyncio.sleep(self._script.response_delay_ms / self._script.playback_rate / 1000)
            self._call_tool(turn)
            return
        steps = answer(
            turn,
            self._script,
            transcribe=self._setup.transcribes_output,
            text_only=self._setup.text_only,
            prompt_ms=self._session.audio.unique_ms,
        )
        clock = asyncio.get_running_loop().time
        started_s = clock()
        for step in steps:
            delay_s = started_s + step.at_ms / 1000 - clock()
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            self._send(step.message)

    def _call_tool(self, turn: Turn) -> None:
        assert turn.tool_call is not None
        call_id = f"call_{random.randrange(10**15, 10**16)}"
        self._session.pending_tools[call_id] = turn
        call = {"id": call_id, "name": turn.tool_call.name, "args": turn.tool_call.args}
        self._send({"toolCall": {"functionCalls": [call]}})

    def _interrupt(self) -> None:
        """Ends what is running as LP 3 says: interrupted, then turnComplete, no generationComplete."""
        pending = self._session.pending_tools
        if not self.speaking and not pending:
            return
        self.stop()
        if pending:
            self._send({"toolCallCancellation": {"ids": list(pending)}})
            self._session.cancelled_tools |= pending.keys()
            pending.clear()
        self._send({"serverContent": {"interrupted": True}})
        self._send(turn_complete(self._session.audio.unique_ms, 0))
