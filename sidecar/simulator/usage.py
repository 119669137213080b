"""usageMetadata: how many tokens a turn took, by modality. Pure.

The figures grow as the service's do: the whole context is the prompt of every turn (LP 4.2).
"""

from collections import Counter

from .dialect import Dialect, Message

_AUDIO_TOKENS_A_SECOND = 25
_TOKENS_AN_IMAGE = 258
_CHARACTERS_A_TOKEN = 4


class Tokens(Counter[str]):
    """Tokens by modality: AUDIO, TEXT, VIDEO."""

    def add_audio(self, ms: float) -> None:
        self["AUDIO"] += round(ms * _AUDIO_TOKENS_A_SECOND / 1000)

    def add_text(self, text: str) -> None:
        self["TEXT"] += -(-len(text) // _CHARACTERS_A_TOKEN)

    def add_image(self) -> None:
        self["VIDEO"] += _TOKENS_AN_IMAGE


def usage_metadata(dialect: Dialect, prompt: Tokens, response: Tokens, thoughts: int = 0) -> Message:
    """What is zero is absent, as in all proto3 JSON."""
    name = dialect.response_tokens
    figures: Message = {
        "promptTokenCount": prompt.total(),
        f"{name}TokenCount": response.total(),
        "totalTokenCount": prompt.total() + response.total() + thoughts,
        "thoughtsTokenCount": thoughts,
        "promptTokensDetails": _details(prompt),
        f"{name}TokensDetails": _details(response),
    }
    return {key: value for key, value in figures.items() if value} | dialect.usage


def _details(tokens: Tokens) -> list[Message]:
    return [{"modality": modality, "tokenCount": count} for modality, count in tokens.items() if count]
