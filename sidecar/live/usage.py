"""What a session costs in tokens, in one form for both families (LP 3, usageMetadata).

Each report counts one response of the model, and the whole context again (LP 4.2): so reports add up.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import Any

from msgspec import Struct, field

from sidecar.live.messages import ModalityTokenCount, UsageMetadata

MAX_MODALITIES = 16
"""Names that are kept apart; Google's are six. What comes under one more counts for `OTHER`."""
MAX_MODALITY_CHARS = 64
"""What comes under a longer name counts for `OTHER` too."""
OTHER = "OTHER"


class Usage(Struct, frozen=True):
    """Tokens, by the names of the Developer API. The details are tokens by modality, such as "AUDIO"; under
    "OTHER" those of names that are too many to be kept."""

    prompt_token_count: int = 0
    response_token_count: int = 0
    total_token_count: int = 0
    cached_content_token_count: int = 0
    tool_use_prompt_token_count: int = 0
    thoughts_token_count: int = 0
    prompt_tokens_details: dict[str, int] = field(default_factory=dict)
    response_tokens_details: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, told: UsageMetadata) -> "Usage":
        """One report. What one family calls `response...` the other calls `candidates...`."""
        return cls(
            prompt_token_count=told.prompt_token_count,
            response_token_count=told.response_token_count or told.candidates_token_count,
            total_token_count=told.total_token_count,
            cached_content_token_count=told.cached_content_token_count,
            tool_use_prompt_token_count=told.tool_use_prompt_token_count,
            thoughts_token_count=told.thoughts_token_count,
            prompt_tokens_details=_by_modality(told.prompt_tokens_details),
            response_tokens_details=_by_modality(
                told.response_tokens_details or told.candidates_tokens_details
            ),
        )

    def plus(self, other: "Usage") -> "Usage":
        return Usage(*(_sum(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__))


def _by_modality(details: list[ModalityTokenCount]) -> dict[str, int]:
    return _counted((each.modality, each.token_count) for each in details)


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        return _counted(chain(one.items(), other.items()))
    return one + other


def _counted(tokens: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Sums by modality. The names are the service's to choose, and must not fill the memory."""
    counts: Counter[str] = Counter()
    for name, count in tokens:
        kept = name in counts or (len(counts) < MAX_MODALITIES and len(name) <= MAX_MODALITY_CHARS)
        counts[name if kept else OTHER] += count
    return dict(counts)
