"""The conversation as it arrives: whose text it is, where a turn begins and ends (LP 3, Ordering rules).

Pure. User speech never becomes model text. Deltas are passed on as they come; when a turn ends, final texts
carry the whole of what user and model said in it: one each, or one for each run of a speaker and language.
A text that grows too long is told in several finals on the way.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from sidecar.live.calls import Calls
from sidecar.live.meaning import VOICE_ENDS, VOICE_STARTS, voice
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


MAX_CHARS = 32_768
"""Of one side's text. A service that never ends a turn (a model that translates) must not fill the memory."""
MAX_OWED = 8
"""Ends of interrupted turns that are waited for; of one more, the oldest is told to be over."""
_LOST = "the session of this call was lost"


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
        self.pending_calls = Calls()
        self.known_calls = Calls()
        self.dead_calls = Calls()
        self.usage = Usage()
        self._turn_usage = (0, Usage())
        """Of which turn, and how much."""
        self._user_text = Speech()
        self._next_user_text = Speech()
        """What the user says already for the turn after this one."""
        self._user_done = False
        self._model_text = Speech()
        self._model_done = False
        self._owed: deque[int] = deque()
        """Interrupted turns whose turnComplete is still to come."""
        self._cut_off = False
        """The line was lost before a turn's turnComplete, and nobody said or asked anything since."""
        self._broke_in = False
        """An interruption came after a turn; nobody asked or answered since: a turnComplete is its end."""
        self._marked = False
        """The host says that the user is active."""
        self._voiced = False
        """The service says so. It hears what is transcribed already."""
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
            or self._marked
            or self._voiced
            or self._asked
            or self._guessing
            or self._status == "IN_PROGRESS"
        )

    def activity(self, *, started: bool) -> None:
        """The host marked the user's activity itself; its end asks for an answer."""
        self._marked, self._voiced = started, False
        self._asked, self._cut_off, self._broke_in = not started, False, False

    def asked(self) -> None:
        """The host sent something that the model will answer."""
        self._asked, self._cut_off, self._broke_in = True, False, False

    def answered(self, ids: Sequence[str]) -> None:
        """The host answered these tool calls for good."""
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
                self._calls(call, events)
        if message.tool_call_cancellation is not None:
            self._cancel(message.tool_call_cancellation.ids, events, "the service cancelled this call")
        heard = voice(message)
        if heard in VOICE_STARTS or heard in VOICE_ENDS:
            self._voiced, self._cut_off = heard in VOICE_STARTS, False
            if self._voiced and self.model_speaking:
                self._user_done = True  # the user speaks into the model's turn: that is the next one
        if message.usage_metadata is not None:
            # A frame that tells of a turn has its tokens, too.
            beside = [event.turn_id for event in events if isinstance(event, Turn)]
            turn_id = beside[-1] if beside else self._spending_id
            self._count(Usage.of(message.usage_metadata), turn_id, events)
        return events

    def cut(self) -> list[TurnEvent]:
        """The line was lost. A running turn of the model ends here; what it says later is a new one.
        A user's sentence goes on: its audio is sent again or still to come."""
        events: list[TurnEvent] = []
        running = self.model_speaking or self._model_done  # it may have been done without a word
        self._cut_off = self._cut_off or running or bool(self._owed)
        if running:
            self._finish_texts(events, cut=True)
            events.append(Turn(self.turn_id, "interrupted", cut=True))
            self._next_turn()
        self._owed.clear()
        self._asked = self._guessing = self._broke_in = False
        self._status = ""
        return events

    def unfinished(self) -> list[Transcript]:
        """Between two lines, what was heard of the user's sentence that goes on: the final texts, if it were
        to end here. Nothing changes."""
        return self._finals("user", self._user_text, self.turn_id, cut=True)

    def lost(self) -> list[TurnEvent]:
        """The session began anew: nobody waits for the answers to the old one's tool calls, and what it heard
        of the user's sentence is all of that. The new one hears the rest as a sentence of its own."""
        events: list[TurnEvent] = [*self.unfinished()]
        self._cut_off = self._voiced = False
        if self._user_text:
            self._user_text.clear()
            self._next_turn()
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
        if content.turn_complete and not self._late_end:
            self._turn_complete(content, events)
        elif changed:
            events.append(Turn(self._last_id, "status", interaction_status=status))
        if content.turn_complete:
            self._cut_off = self._broke_in = False

    @property
    def _late_end(self) -> bool:
        """Whether a turnComplete would be that of a turn which is over."""
        return self._cut_off or (self._broke_in and not self._model_done)

    @property
    def _last_id(self) -> int:
        """The turn that is open, or else the one before."""
        return self.turn_id if self.model_speaking else max(1, self.turn_id - 1)

    @property
    def _spending_id(self) -> int:
        """The turn of a report of tokens that stands alone: the last, until somebody begins the next."""
        return self.turn_id if self._user_text or self._asked else self._last_id

    def _user_seems_to_say(self, guess: Transcription, events: list[TurnEvent]) -> None:
        self._guessing, self._cut_off = True, False
        turn_id = self.turn_id + self._user_done
        language, speaker = guess.language_code, guess.speaker_label
        events.append(Transcript("user", guess.text, False, turn_id, False, True, language, speaker))

    def _user_says(self, said: Transcription, events: list[TurnEvent]) -> None:
        """Transcription has no place in the order (LP 3): until the user's text of the open turn is told,
        it belongs there, after that to the next turn."""
        self._guessing = self._cut_off = False
        texts = self._next_user_text if self._user_done else self._user_text
        self._delta("user", texts, said, self.turn_id + self._user_done, events)

    def _delta(
        self, source: str, texts: Speech, said: Transcription, turn_id: int, events: list[TurnEvent]
    ) -> None:
        run = texts.add(said)
        events.append(
            Transcript(source, run.text, False, turn_id, language=run.language, speaker=run.speaker)
        )
        if texts.chars > MAX_CHARS:
            events += self._finals(source, texts, turn_id)
            texts.clear()

    def _model_begins(self, events: list[TurnEvent]) -> None:
        self._asked = self._cut_off = self._broke_in = False
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
        """May also come before any generation, or after turnComplete while the playout goes on (LP 3)."""
        asked, self._asked = self._asked, False
        if self.model_speaking:
            self._finish_texts(events, cut=False)
            self._owed.append(self.turn_id)
            events.append(Turn(self.turn_id, "interrupted"))
            self._next_turn()
            if len(self._owed) > MAX_OWED:
                events.append(Turn(self._owed.popleft(), "complete"))
        elif not self._owed:  # else it is said twice
            # Without a question that waits, it is the playout of the turn before that ends here.
            self._broke_in = not asked
            events.append(Turn(self.turn_id if asked else self._last_id, "interrupted"))

    def _turn_complete(self, content: ServerContent, events: list[TurnEvent]) -> None:
        self._asked = False
        reason, status = content.turn_complete_reason, content.interaction_status
        if self._owed and not self._model_done:
            # The end of an interrupted turn; texts since then belong to the next.
            events.append(Turn(self._owed.popleft(), "complete", False, reason, status))
            return
        # After generationComplete it is this turn's own (LP 3); what was owed before never came.
        events.extend(Turn(turn_id, "complete") for turn_id in self._owed)
        self._owed.clear()
        self._finish_texts(events, cut=False)
        events.append(Turn(self.turn_id, "complete", False, reason, status))
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
        events += self._finals("user", self._user_text, self.turn_id)
        self._user_text.clear()
        self._user_done = True
        if not self._model_done:
            events += self._finals("model", self._model_text, self.turn_id, cut=cut)
        self._model_done = True

    @staticmethod
    def _finals(source: str, texts: Speech, turn_id: int, *, cut: bool = False) -> list[Transcript]:
        runs = texts.runs()
        last = len(runs) - 1
        return [
            Transcript(source, run.text, True, turn_id, cut and n == last, False, run.language, run.speaker)
            for n, run in enumerate(runs)
        ]

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
            events.append(ToolCallCancelled(ids))
