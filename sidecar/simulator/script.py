"""The script: what the simulated model says, how the simulated service behaves, and what goes wrong.

Every field has a default that does what the service was seen to do (LP 3 to 6), so `Script()` is a well
behaved service. In JSON the names are camelCase.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from .faults import AnyFault, Like, NotNegative, Strict
from .reading import ScriptError, read
from .refusals import known

__all__ = ["CodeRun", "Script", "ScriptError", "ToolCall", "Turn", "parse_fault"]

Positive = Annotated[float, Meta(gt=0)]


class ToolCall(Strict):
    """The model asks for a function before it speaks."""

    name: str
    """The function's, as the client declares it."""
    args: dict[str, Any] = field(default_factory=dict)
    """What it is called with."""


class CodeRun(Strict):
    """Code that the model ran before it speaks: two parts, executableCode and codeExecutionResult."""

    code: str
    """The program's text."""
    output: str = ""
    """What it printed."""
    language: str = "PYTHON"
    """Of the code, as the Live API names it."""
    outcome: str = "OUTCOME_OK"
    """How it ended, as the Live API names it."""


class Turn(Strict, kw_only=True):
    """What the user is taken to have said, and the model's answer to it."""

    user: str = ""
    """What the user is taken to have said: the input transcript."""
    model: str
    """What the model answers: the output transcript."""
    audio_ms: Positive | None = None
    """Length of the spoken answer. None: 300 ms a word."""
    tool_call: ToolCall | None = None
    """A function that the model asks for first; it goes on when the client has answered."""
    thought: str | None = None
    """A part that is marked as a thought, before the answer."""
    code: CodeRun | None = None
    """Code that the model ran, before the answer."""
    language_code: str | None = None
    """Of both transcripts, such as "pt-PT"."""
    speaker_label: str | None = None
    """Of the user's transcript."""
    waiting_for_input: bool = False
    """Stands beside turnComplete."""
    turn_complete_reason: str | None = None
    """Stands beside turnComplete."""


_CONVERSATION = [
    Turn(user="Hello, can you hear me?", model="Yes, I can hear you well. What can I do for you?"),
    Turn(
        user="Tell me something about the sea.",
        model="The sea covers most of the Earth, and it is never still.",
    ),
    Turn(user="Thank you, goodbye.", model="Goodbye. It was good to talk to you."),
]


class Script(Strict, repr_omit_defaults=True):
    """What the simulated service does; an empty script is a service that behaves well."""

    schema: str | None = field(default=None, name="$schema")
    """Where the JSON Schema of scripts is, for editors. Not read."""
    description: str | None = None
    """What the script is about. For people."""

    # --- what happens
    turns: list[Turn] = field(default_factory=_CONVERSATION.copy)
    """The n-th utterance gets the n-th turn, over and over. Empty: the model never answers."""
    faults: list[AnyFault] = field(default_factory=list)
    """What goes wrong, and when."""

    # --- who may come in (LP 1.2, 1.3, 5)
    keys: list[str] | None = None
    """API keys that are valid, on both services. None: every key is."""
    models: list[str] | None = None
    """Models that exist, as "models/..."; a Vertex model is known by that end of its name. None: any."""
    tokens: list[str] | None = None
    """Bearer tokens that are valid, on Vertex. None: every one is."""
    token_lifetime_ms: Positive | None = None
    """A bearer token is good for this long since it was first seen. Service time. None: for ever."""
    token_expiry_closes: bool = False
    """Close the connections of a bearer token when it expires."""
    bad_bearer: Literal["http", "close"] = "http"
    """A bad bearer token is refused with HTTP 401 or, after the upgrade, by 1008. Which one the service does
    is not known."""
    ephemeral_tokens_anywhere: bool = False
    """Take ephemeral tokens in the Authorization header and on the plain method, too: documented, but seen
    refused."""

    # --- the wire
    vertex_alias_path: str | None = None
    """One more path that counts as Vertex's. None: there is none."""
    safety_settings: bool = False
    """Take `safetySettings` on the Developer API, too, where they were refused."""
    text: bool = False
    """Answer in text frames. The service sends binary ones."""
    url_safe_base64: bool = False
    """Send the model's audio in the URL-safe alphabet; proto3 JSON readers have to take both."""
    stray_frames: bool = True
    """Send a message that says nothing in every turn; clients have to ignore it."""
    bundle: bool = False
    """Put transcription and audio into one frame, as 3.x models do."""
    voice_activity: bool = True
    """Send voiceActivity when speech begins and ends; on Vertex only when `explicitVadSignal` asks for it."""
    setup_delay_ms: NotNegative = 0
    """Time from the setup to setupComplete."""

    # --- hearing
    speech_threshold: Positive = 500
    """RMS of a 20 ms window (full scale 32768) from which on it counts as speech."""
    start_of_speech_ms: Positive = 60
    """Loudness this long begins an utterance, twice as long at LOW sensitivity, which is Vertex's default.
    `prefixPaddingMs` in the client's setup goes before it."""
    end_of_speech_ms: Positive = 400
    """Silence this long ends it, twice as long at LOW sensitivity. `silenceDurationMs` in the client's setup
    goes before it."""
    word_ms: Positive = 300
    """The user's words are transcribed one in this much speech, the rest at its end."""

    # --- speaking
    response_delay_ms: NotNegative = 200
    """From the end of the user's speech to the model's first frame."""
    frame_ms: Annotated[int, Meta(ge=20, le=1000)] = 200
    """Audio in one frame of the model."""
    burst_rate: Positive = 5
    """How much faster than real time the model's audio arrives."""
    playback_rate: Positive = 1
    """Speeds up everything the model does, turnComplete at the end of playback included: for tests."""
    turn_complete: bool = True
    """Send turnComplete. Models that translate or transcribe never do (LP 8)."""
    interaction_status: bool = False
    """Send interactionStatus: IN_PROGRESS as a turn begins, IDLE beside its end, IN_PROGRESS there while a
    function call is open (LP 3, 8)."""
    tool_behavior: Literal["BLOCKING", "NON_BLOCKING"] = "BLOCKING"
    """Of functions whose declaration does not say. 3.8 models: NON_BLOCKING (LP 2.1)."""
    late_interrupted_ms: NotNegative = 0
    """For this long after turnComplete speech still brings `interrupted`: the model is being played."""
    early_interrupted: bool = False
    """Speech brings `interrupted` even when nothing was being generated."""

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
    resumable_while_generating: bool = True
    """False: a turn begins with an update that says "not resumable", and ends with a new handle."""
    handle_lifetime_ms: Positive | None = 7_200_000
    """After its session's last connection a handle is good for this long. Service time. None: for ever."""
    index_every_ms: Positive = 1000
    """Transparent mode: how often the client is told what was consumed, if there is news."""
    history_on_resume: Literal["wait", "ignore"] = "wait"
    """`historyConfig.initialHistoryInClientContent` on a resume: wait for the history again, or ignore it."""

    # --- limits (LP 4.1)
    time_scale: Positive = 1
    """Service time runs this many times faster than the clock. It is the time of the limits alone."""
    go_away_at_ms: NotNegative | None = 540_000
    """A connection this old gets goAway. Service time. None: never."""
    go_away_left_ms: NotNegative = 50_000
    """From goAway to the end. Service time; timeLeft tells it in the client's."""
    go_away_overrun: Like = "goAwayIgnored"
    """How a client is closed that stays: the name of a text."""
    silent_after_go_away: bool = False
    """Send nothing more after goAway."""
    deadline_ms: Positive | None = None
    """A connection this old is closed with 1011 Deadline expired. Service time. None: never. 3.8 models:
    3480000, and no goAway."""
    idle_timeout_ms: Positive | None = 480_000
    """A connection from which nothing came for this long, no ping either, is given up. Service time.
    None: never."""
    audio_session_ms: Positive | None = None
    """A session without contextWindowCompression ends at this age. Service time. None: never.
    Documented: 900000."""
    video_session_ms: Positive | None = None
    """The same once it has had video. Service time. None: never. Documented: 120000."""

    # --- the books
    keep_audio_bytes: Annotated[int, Meta(ge=0)] = 64 * 2**20
    """PCM kept for each connection, for `GET /audio`."""

    def __post_init__(self) -> None:
        known(self.go_away_overrun)  # raises ValueError

    def __repr__(self) -> str:
        # The keys may be real ones.
        return f"<Script: {len(self.turns)} turns, {len(self.faults)} faults>"

    @classmethod
    def parse(cls, data: bytes, name: str | None = None) -> "Script":
        """Raises ScriptError, which names every wrong field and its line, after the `name` of the file."""
        script: Script = read(data, cls, name)
        return script

    @classmethod
    def load(cls, path: Path | str) -> "Script":
        """Raises ScriptError when the file cannot be read or is not a script."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise ScriptError(f"{path}: cannot be read: {error.strerror or error}") from None
        return cls.parse(data, str(path))


def parse_fault(data: bytes) -> AnyFault:
    """One fault, as the control API takes it. Raises ScriptError, as `Script.parse` does."""
    fault: AnyFault = read(data, AnyFault)
    return fault
