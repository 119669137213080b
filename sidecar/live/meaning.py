"""What a server message shows by itself: an answer, speech, that something was said, or nothing (LP 3)."""

from sidecar.live.messages import ServerContent, ServerMessage, Transcription


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


VOICE_STARTS = frozenset({"ACTIVITY_START", "VAD_SIGNAL_TYPE_SOS"})
VOICE_ENDS = frozenset({"ACTIVITY_END", "VAD_SIGNAL_TYPE_EOS"})


def voice(message: ServerMessage) -> str:
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
    return voice(message) in VOICE_ENDS
