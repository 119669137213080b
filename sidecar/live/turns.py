"""The conversation as it arrives: whose text it is, where a turn begins and ends (LP 3, Ordering rules).

Pure. User speech never becomes model text. Deltas are passed on as they come; when a turn ends, one
final text each carries the whole of what user and model said in it.
"""

from typing import Any, NamedTuple

from sidecar.live.messages import ServerContent, ServerMessage


class Transcript(NamedTuple):
    source: str
    text: str
    final: bool
    turn_id: int
    cut: bool = False


class Turn(NamedTuple):
    turn_id: int
    event: str
    cut: bool = False


class ToolCall(NamedTuple):
    id: str
    name: str
    args: dict[str, Any]


class ToolCallCancelled(NamedTuple):
    ids: list[str]


TurnEvent = Transcript | Turn | ToolCall | ToolCallCancelled


def answers(message: ServerMessage) -> bool:
    """Whether the model answers in this message."""
    content = message.server_content
    return message.tool_call is not None or (
        content is not None
        and bool(
            content.model_turn is not None
            or (content.output_transcription is not None and content.output_transcription.text)
            or content.generation_complete
            or content.interrupted
            or content.turn_complete
        )
    )


def hears_speech(message: ServerMessage) -> bool:
    """Whether the service shows in this message that it heard the user speak."""
    content = message.server_content
    if content is not None and content.input_transcription is not None and content.input_transcription.text:
        return True
    return message.voice_activity is not None and message.voice_activity.type == "ACTIVITY_END"


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
    """

    def __init__(self) -> None:
        self.turn_id = 1
        self.model_speaking = False
        self.pending_calls: dict[str, str] = {}
        self.known_calls: dict[str, str] = {}
        self.dead_calls: dict[str, str] = {}
        self._user_text: list[str] = []
        self._next_user_text: list[str] = []
        """What the user says already for the turn after this one."""
        self._user_done = False
        self._model_text: list[str] = []
        self._model_done = False
        self._interrupted_id: int | None = None
        self._user_active = False
        self._asked = False
        self._service_busy = False

    @property
    def quiet(self) -> bool:
        """Nobody speaks, nothing was asked that waits for its answer, and no turn is running."""
        return not (
            self.model_speaking
            or self._user_text
            or self._next_user_text
            or self._user_active
            or self._asked
            or self._service_busy
        )

    def activity(self, *, started: bool) -> None:
        """The host marked the user's activity itself; its end asks for an answer."""
        self._user_active = started
        self._asked = not started

    def asked(self, ids: tuple[str, ...] = ()) -> None:
        """The host sent something that the model will answer; `ids` of the tool calls it responds to."""
        self._asked = True
        for call_id in ids:
            self.pending_calls.pop(call_id, None)

    def feed(self, message: ServerMessage) -> list[TurnEvent]:
        """What a server message means. Several fields in one frame are all handled."""
        events: list[TurnEvent] = []
        if message.server_content is not None:
            self._content(message.server_content, events)
        if message.tool_call is not None:
            self._model_begins(events)
            for call in message.tool_call.function_calls:
                self.pending_calls[call.id] = self.known_calls[call.id] = call.name
                self.dead_calls.pop(call.id, None)  # a new session may count anew
                events.append(ToolCall(call.id, call.name, call.args))
            _keep_newest(self.known_calls)
        if message.tool_call_cancellation is not None:
            self._cancel(message.tool_call_cancellation.ids, events, "the service cancelled this call")
        if message.voice_activity is not None:
            self._user_active = message.voice_activity.type == "ACTIVITY_START"
            if self._user_active and self.model_speaking:
                self._user_done = True  # the user speaks into the model's turn: that is the next one
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
        self._service_busy = self._asked = False
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
        if content.interaction_status:
            self._service_busy = content.interaction_status == "IN_PROGRESS"
        if content.input_transcription is not None and content.input_transcription.text:
            self._user_says(content.input_transcription.text, events)
        if content.model_turn is not None:
            self._model_begins(events)
            for part in content.model_turn.parts:
                if part.text and not part.thought:
                    self._model_says(part.text, events)
        if content.output_transcription is not None and content.output_transcription.text:
            self._model_begins(events)
            self._model_says(content.output_transcription.text, events)
        if content.generation_complete:
            # The user's text first. What is still transcribed after this is the user's next sentence.
            self._finish_texts(events, cut=False)
            events.append(Turn(self.turn_id, "generationComplete"))
        if content.interrupted:
            self._interrupted(events)
        if content.turn_complete:
            self._turn_complete(events)

    def _user_says(self, text: str, events: list[TurnEvent]) -> None:
        """Transcription has no place in the order (LP 3): until the user's text of the open turn is told,
        it belongs there, after that to the next turn."""
        if self._user_done:
            self._next_user_text.append(text)
            events.append(Transcript("user", text, False, self.turn_id + 1))
            return
        self._user_text.append(text)
        events.append(Transcript("user", text, False, self.turn_id))
        if not self.model_speaking and sum(map(len, self._user_text)) > MAX_USER_CHARS:
            self._finish_texts(events, cut=False)
            self._next_turn()

    def _model_begins(self, events: list[TurnEvent]) -> None:
        self._asked = False
        if not self.model_speaking:
            self.model_speaking = True
            events.append(Turn(self.turn_id, "started"))

    def _model_says(self, text: str, events: list[TurnEvent]) -> None:
        if self._model_done:  # after generationComplete, against the rule: a turn of its own
            events.append(Turn(self.turn_id, "complete"))
            self._next_turn()
            self._model_begins(events)
        self._model_text.append(text)
        events.append(Transcript("model", text, False, self.turn_id))

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

    def _turn_complete(self, events: list[TurnEvent]) -> None:
        self._asked = False
        if self._interrupted_id is not None:
            # The end of the interrupted turn; texts since then belong to the next.
            events.append(Turn(self._interrupted_id, "complete"))
            self._interrupted_id = None
            return
        self._finish_texts(events, cut=False)
        events.append(Turn(self.turn_id, "complete"))
        self._next_turn()

    # --- ends -------------------------------------------------------------------------------------

    def _finish_texts(self, events: list[TurnEvent], *, cut: bool) -> None:
        """One final text of each for the open turn. The user's first."""
        if self._user_text:
            events.append(Transcript("user", "".join(self._user_text), True, self.turn_id))
            self._user_text.clear()
        self._user_done = True
        if self._model_text and not self._model_done:
            events.append(Transcript("model", "".join(self._model_text), True, self.turn_id, cut))
        self._model_done = True

    def _next_turn(self) -> None:
        self.turn_id += 1
        self.model_speaking = False
        self._model_text.clear()
        self._user_text, self._next_user_text = self._next_user_text, []
        self._user_done = self._model_done = False

    def _cancel(self, ids: list[str], events: list[TurnEvent], why: str) -> None:
        if ids:
            for call_id in ids:
                self.pending_calls.pop(call_id, None)
                self.known_calls.pop(call_id, None)
                self.dead_calls[call_id] = why
            _keep_newest(self.dead_calls)
            events.append(ToolCallCancelled(ids))
