"""The conversation as it arrives: whose text it is, where a turn begins and ends (LP 3, Ordering rules).

Pure. User speech never becomes model text. Deltas are passed on as they come; when a turn ends, final texts
carry the whole of what user and model said in it: one each, or one for each run of a speaker and language.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sidecar.live.messages import FunctionCall, ServerContent, ServerMessage, Transcription
from sidecar.live.speech import Speech
from sidecar.live.usage import Usage


class Transcript(NamedTuple):
    """`interim`: a guess that the next one replaces; it is in no final. `language` and `speaker`: "" where
    the service does not say."""

    source: str
    text: str
    final: bool
    turn_id: int
    cut: bool = False
    interim: bool = False
    language: str = ""
    speaker: str = ""


class Turn(NamedTuple):
    """`reason` and `interaction_status` are the service's own words, "" where it says none."""

    turn_id: int
    event: str
    cut: bool = False
    reason: str = ""
    interaction_status: str = ""


class ToolCall(NamedTuple):
    """`will_continue`: more of this call's arguments follows; `partial_args` is a piece of them (Vertex)."""

    id: str
    name: str
    args: dict[str, Any]
    partial_args: Sequence[Any] = ()
    will_continue: bool = False


class ToolCallCancelled(NamedTuple):
    ids: list[str]


class UsageTold(NamedTuple):
    """Tokens of a turn so far, and of the session with all its connections."""

    turn_id: int
    turn: Usage
    session: Usage


TurnEvent = Transcript | Turn | ToolCall | ToolCallCancelled | UsageTold


def brings_content(message: ServerMessage) -> bool:
    """Whether something was said or done in it. Empty messages come, and mean nothing (LP 1.5)."""
    content = message.server_content
    return message.tool_call is not None or (
        content is not None
        and (content.model_turn is not None or content not in (_EMPTY, _EMPTY_INPUT, _EMPTY_OUTPUT))
    )


_EMPTY = ServerContent()
_EMPTY_INPUT = ServerContent(input_transcription=Transcription())
_EMPTY_OUTPUT = ServerContent(output_transcription=Transcription())


def answers(message: ServerMessage) -> bool:
    """Whether the model answers in this message, if only with that it waits for more."""
    content = message.server_content
    return message.tool_call is not None or (
        content is not None
        and bool(
            content.model_turn is not None
            or (content.output_transcription is not None and content.output_transcription.text)
            or content.generation_complete
            or content.interrupted
            or content.turn_complete
            or content.waiting_for_input
        )
    )


_STARTS = frozenset({"ACTIVITY_START", "VAD_SIGNAL_TYPE_SOS"})
_ENDS = frozenset({"ACTIVITY_END", "VAD_SIGNAL_TYPE_EOS"})


def _voice(message: ServerMessage) -> str:
    """What the service heard of the user's voice: two messages say it, one of them allow-listed (LP 3)."""
    if message.voice_activity is not None:
        return message.voice_activity.type
    signal = message.voice_activity_detection_signal
    return "" if signal is None else signal.vad_signal_type


def hears_speech(message: ServerMessage) -> bool:
    """Whether the service shows in this message that it heard the user speak."""
    content = message.server_content
    if content is not None and content.input_transcription is not None and content.input_transcription.text:
        return True
    return _voice(message) in _ENDS


MAX_USER_CHARS = 32_768
"""A service that never ends a turn (a model that only transcribes) must not fill the memory."""
CALLS_KEPT = 1000
_LOST = "the session of this call was lost"


def _keep_newest(calls: dict[str, str]) -> None:
    while len(calls) > CALLS_KEPT:
        del calls[next(iter(calls))]


class Turns:
    """Feed it every server message of a session; it outlives the session's lines.

    Attributes:
        turn_id: the turn that is open, or the next one.
        model_speaking: the model's turn is running.
        pending_calls: tool calls that wait for an answer, id to name.
        known_calls: all that may be answered, also once more (a function that goes on answering).
        dead_calls: those that nobody waits for any more, id to why: their session was lost, or the service
            cancelled them. It may close the line for an answer to one.
        usage: tokens so far.
    """

    def __init__(self) -> None:
        self.turn_id = 1
        self.model_speaking = False
        self.pending_calls: dict[str, str] = {}
        self.known_calls: dict[str, str] = {}
        self.dead_calls: dict[str, str] = {}
        self.usage = Usage()
        self._turn_usage = (0, Usage())
        """Of which turn, and how much."""
        self._user_text = Speech()
        self._next_user_text = Speech()
        """What the user says already for the turn after this one."""
        self._user_done = False
        self._model_text = Speech()
        self._model_done = False
        self._interrupted_id: int | None = None
        self._user_active = False
        self._asked = False
        self._guessing = False
        """The user speaks: so far there is only an interim text of it."""
        self._status = ""

    @property
    def quiet(self) -> bool:
        """Nobody speaks, nothing was asked that waits for its answer, and no turn is running."""
        return not (
            self.model_speaking
            or self._user_text
            or self._next_user_text
            or self._user_active
            or self._asked
            or self._guessing
            or self._status == "IN_PROGRESS"
        )

    def activity(self, *, started: bool) -> None:
        """The host marked the user's activity itself; its end asks for an answer."""
        self._user_active = started
        self._asked = not started

    def asked(self) -> None:
        """The host sent something that the model will answer."""
        self._asked = True

    def answered(self, ids: Sequence[str]) -> None:
        """The host answered these tool calls for good."""
        for call_id in ids:
            self.pending_calls.pop(call_id, None)

    def feed(self, message: ServerMessage) -> list[TurnEvent]:
        """What a server message means. Several fields in one frame are all handled."""
        events: list[TurnEvent] = []
        interrupted_id = self._interrupted_id
        if message.server_content is not None:
            self._content(message.server_content, events)
        if message.tool_call is not None:
            self._model_begins(events)
            for call in message.tool_call.function_calls:
                self._calls(call, events)
            _keep_newest(self.known_calls)
        if message.tool_call_cancellation is not None:
            self._cancel(message.tool_call_cancellation.ids, events, "the service cancelled this call")
        voice = _voice(message)
        if voice in _STARTS or voice in _ENDS:
            self._user_active = voice in _STARTS
            if self._user_active and self.model_speaking:
                self._user_done = True  # the user speaks into the model's turn: that is the next one
        if message.usage_metadata is not None:
            # It stands beside what ended the turn, or comes after it.
            self._count(Usage.of(message.usage_metadata), interrupted_id or self._last_id, events)
        return events

    def cut(self) -> list[TurnEvent]:
        """The line was lost. A running turn of the model ends here; what it says later is a new one.
        A user's sentence goes on: its audio is sent again or still to come."""
        events: list[TurnEvent] = []
        if self.model_speaking:
            self._finish_texts(events, cut=True)
            events.append(Turn(self.turn_id, "interrupted", cut=True))
            self._next_turn()
        self._interrupted_id = None
        self._asked = self._guessing = False
        self._status = ""
        return events

    def lost(self) -> list[TurnEvent]:
        """The session began anew: nobody waits for the answers to the old one's tool calls."""
        events: list[TurnEvent] = []
        for call_id in self.known_calls:
            self.dead_calls[call_id] = _LOST
        self.known_calls.clear()
        self._cancel(list(self.pending_calls), events, _LOST)
        return events

    # --- parts of a content -----------------------------------------------------------------------

    def _content(self, content: ServerContent, events: list[TurnEvent]) -> None:
        if content.interim_input_transcription is not None and content.interim_input_transcription.text:
            self._user_seems_to_say(content.interim_input_transcription, events)
        if content.input_transcription is not None and content.input_transcription.text:
            self._user_says(content.input_transcription, events)
        if content.model_turn is not None:
            self._model_begins(events)
            for part in content.model_turn.parts:
                if part.text and not part.thought:
                    self._model_says(Transcription(text=part.text), events)
        if content.output_transcription is not None and content.output_transcription.text:
            self._model_begins(events)
            self._model_says(content.output_transcription, events)
        if content.generation_complete:
            # The user's text first. What is still transcribed after this is the user's next sentence.
            self._finish_texts(events, cut=False)
            events.append(Turn(self.turn_id, "generationComplete"))
        if content.interrupted:
            self._interrupted(events)
        if content.waiting_for_input:
            self._asked = False
            events.append(Turn(self._last_id, "waitingForInput"))
        status, changed = content.interaction_status, content.interaction_status not in ("", self._status)
        self._status = status or self._status
        if content.turn_complete:
            self._turn_complete(content, events)
        elif changed:
            events.append(Turn(self._last_id, "status", interaction_status=status))

    @property
    def _last_id(self) -> int:
        """The turn that is open, or else the one before."""
        return self.turn_id if self.model_speaking else max(1, self.turn_id - 1)

    def _user_seems_to_say(self, guess: Transcription, events: list[TurnEvent]) -> None:
        self._guessing = True
        turn_id = self.turn_id + self._user_done
        language, speaker = guess.language_code, guess.speaker_label
        events.append(Transcript("user", guess.text, False, turn_id, False, True, language, speaker))

    def _user_says(self, said: Transcription, events: list[TurnEvent]) -> None:
        """Transcription has no place in the order (LP 3): until the user's text of the open turn is told,
        it belongs there, after that to the next turn."""
        self._guessing = False
        texts = self._next_user_text if self._user_done else self._user_text
        self._delta("user", texts, said, self.turn_id + self._user_done, events)
        if not self._user_done and not self.model_speaking and self._user_text.chars > MAX_USER_CHARS:
            self._finish_texts(events, cut=False)
            self._next_turn()

    @staticmethod
    def _delta(
        source: str, texts: Speech, said: Transcription, turn_id: int, events: list[TurnEvent]
    ) -> None:
        run = texts.add(said)
        events.append(
            Transcript(source, run.text, False, turn_id, language=run.language, speaker=run.speaker)
        )

    def _model_begins(self, events: list[TurnEvent]) -> None:
        self._asked = False
        if not self.model_speaking:
            self.model_speaking = True
            events.append(Turn(self.turn_id, "started"))

    def _model_says(self, said: Transcription, events: list[TurnEvent]) -> None:
        if self._model_done:  # after generationComplete, against the rule: a turn of its own
            events.append(Turn(self.turn_id, "complete"))
            self._next_turn()
            self._model_begins(events)
        self._delta("model", self._model_text, said, self.turn_id, events)

    def _interrupted(self, events: list[TurnEvent]) -> None:
        """May also come before any generation, or after turnComplete while the playout goes on."""
        self._asked = False
        if self._interrupted_id is not None:
            return
        if self.model_speaking:
            self._finish_texts(events, cut=False)
            self._interrupted_id = self.turn_id
            events.append(Turn(self.turn_id, "interrupted"))
            self._next_turn()
        else:
            events.append(Turn(self.turn_id, "interrupted"))

    def _turn_complete(self, content: ServerContent, events: list[TurnEvent]) -> None:
        self._asked = False
        turn_id = self.turn_id if self._interrupted_id is None else self._interrupted_id
        reason, status = content.turn_complete_reason, content.interaction_status
        end = Turn(turn_id, "complete", reason=reason, interaction_status=status)
        if self._interrupted_id is not None:
            # The end of the interrupted turn; texts since then belong to the next.
            events.append(end)
            self._interrupted_id = None
            return
        self._finish_texts(events, cut=False)
        events.append(end)
        self._next_turn()

    # --- calls and tokens -------------------------------------------------------------------------

    def _calls(self, call: FunctionCall, events: list[TurnEvent]) -> None:
        """A piece of a call may come without the id of the whole; a call without any can still be told."""
        if call.id:
            self.pending_calls[call.id] = self.known_calls[call.id] = call.name
            self.dead_calls.pop(call.id, None)  # a new session may count anew
        events.append(ToolCall(call.id, call.name, call.args, tuple(call.partial_args), call.will_continue))

    def _count(self, told: Usage, turn_id: int, events: list[TurnEvent]) -> None:
        of_turn, so_far = self._turn_usage
        turn = so_far.plus(told) if of_turn == turn_id else told
        self._turn_usage = turn_id, turn
        self.usage = self.usage.plus(told)
        events.append(UsageTold(turn_id, turn, self.usage))

    # --- ends -------------------------------------------------------------------------------------

    def _finish_texts(self, events: list[TurnEvent], *, cut: bool) -> None:
        """The final texts of the open turn. The user's first."""
        self._finals("user", self._user_text, False, events)
        self._user_text.clear()
        self._user_done = True
        if not self._model_done:
            self._finals("model", self._model_text, cut, events)
        self._model_done = True

    def _finals(self, source: str, texts: Speech, cut: bool, events: list[TurnEvent]) -> None:
        runs = texts.runs()
        for run in runs:
            broken = cut and run is runs[-1]
            events.append(
                Transcript(source, run.text, True, self.turn_id, broken, False, run.language, run.speaker)
            )

    def _next_turn(self) -> None:
        self.turn_id += 1
        self.model_speaking = self._guessing = False
        self._model_text.clear()
        self._user_text, self._next_user_text = self._next_user_text, Speech()
        self._user_done = self._model_done = False

    def _cancel(self, ids: list[str], events: list[TurnEvent], why: str) -> None:
        if ids:
            for call_id in ids:
                self.pending_calls.pop(call_id, None)
                self.known_calls.pop(call_id, None)
                self.dead_calls[call_id] = why
            _keep_newest(self.dead_calls)
            events.append(ToolCallCancelled(ids))
