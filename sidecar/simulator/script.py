"""The script: what the simulated model says, how the simulated service behaves, and what goes wrong.

Every field has a default that does what the service was seen to do (LP 3 to 6), so `Script()` is a well
behaved service. In JSON the names are camelCase.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from .faults import AnyFault, NotNegative, Strict

Positive = Annotated[float, Meta(gt=0)]


class ScriptError(Exception):
    """The script cannot be used; the text says where and why."""


class ToolCall(Strict):
    """The model asks for a function before it speaks."""

    name: str
    args: dict[str, Any] = field(default_factory=dict)


class Turn(Strict, kw_only=True):
    """What the user is taken to have said, and the model's answer to it."""

    user: str = ""
    model: str
    audio_ms: Positive | None = None
    """Length of the spoken answer. Default: 300 ms a word."""
    tool_call: ToolCall | None = None


_CONVERSATION = [
    Turn(user="Hello, can you hear me?", model="Yes, I can hear you well. What can I do for you?"),
    Turn(
        user="Tell me something about the sea.",
        model="The sea covers most of the Earth, and it is never still.",
    ),
    Turn(user="Thank you, goodbye.", model="Goodbye. It was good to talk to you."),
]


class Script(Strict, repr_omit_defaults=True):
    turns: list[Turn] = field(default_factory=_CONVERSATION.copy)
    """The n-th utterance gets the n-th turn, over and over. Empty: the model never answers."""
    faults: list[AnyFault] = field(default_factory=list)

    # --- who may come in
    keys: list[str] | None = None
    """API keys that are valid. None: every key is."""
    models: list[str] | None = None
    """Models that exist, as "models/...". None: every model does."""

    # --- the wire
    text: bool = False
    """Answer in text frames. The service sends binary ones."""
    stray_frames: bool = True
    """Send an empty message `{}` in every turn; clients have to ignore it."""
    bundle: bool = False
    """Put transcription and audio into one frame, as 3.x models do."""
    voice_activity: bool = True
    """Send voiceActivity when speech begins and ends."""
    setup_delay_ms: NotNegative = 0
    """Time from the setup to setupComplete."""

    # --- hearing
    speech_threshold: Positive = 500
    """RMS of a 20 ms window (full scale 32768) from which on it counts as speech."""
    start_of_speech_ms: Positive = 60
    end_of_speech_ms: Positive = 400
    """Silence that ends an utterance. `silenceDurationMs` in the client's setup goes before it."""
    word_ms: Positive = 300
    """The user's words are transcribed one in this much speech, the rest at its end."""

    # --- speaking
    response_delay_ms: NotNegative = 200
    """From the end of the user's speech to the model's first frame."""
    frame_ms: Annotated[int, Meta(ge=20, le=1000)] = 200
    burst_rate: Positive = 5
    """How much faster than real time the model's audio arrives."""
    playback_rate: Positive = 1
    """Speeds up everything the model does, turnComplete at the end of playback included: for tests."""

    # --- sessions and resumption (LP 4.4)
    owner_grace_ms: NotNegative = 1000
    """After its connection's end a session still refuses to be resumed for this long."""
    refusal_delay_ms: NotNegative = 500
    """From the setup of a refused resume to its 1011."""
    refuse_after_setup_complete: bool = False
    """Send setupComplete before the 1011. Which order the service uses is not known."""
    speaking_resumes_at_once: bool = True
    """No grace when the model was speaking at the connection's end."""
    handle_every_ms: Positive | None = None
    """Send new handles at this interval. None: one for a connection, as 3.8 does."""
    history_on_resume: Literal["wait", "ignore"] = "wait"
    """`historyConfig.initialHistoryInClientContent` on a resume: the service waits for the history again."""

    # --- the books
    keep_audio_bytes: Annotated[int, Meta(ge=0)] = 64 * 2**20
    """PCM kept for each connection, for `GET /audio`."""

    def __repr__(self) -> str:
        # The keys may be real ones.
        return f"<Script: {len(self.turns)} turns, {len(self.faults)} faults>"

    @classmethod
    def parse(cls, data: bytes) -> "Script":
        """Raises ScriptError, which names the field."""
        try:
            return msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ScriptError(str(error)) from None

    @classmethod
    def load(cls, path: Path | str) -> "Script":
        """Raises ScriptError when the file cannot be read or is not a script."""
        try:
            return cls.parse(Path(path).read_bytes())
        except OSError as error:
            raise ScriptError(f"the script {path} cannot be read: {error.strerror or error}") from None
        except ScriptError as error:
            raise ScriptError(f"the script {path} is wrong: {error}") from None


def parse_fault(data: bytes) -> AnyFault:
    """One fault, as the control API takes it. Raises ScriptError."""
    try:
        fault: AnyFault = msgspec.json.decode(data, type=AnyFault)
        return fault
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ScriptError(str(error)) from None
