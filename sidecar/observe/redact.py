"""Takes secrets out of text: those known exactly, and whatever looks like one.

Redacts too much rather than too little. Patterns follow LP 1 (keys, tokens, headers, query values) and
LP 4.4 (resumption handles), in plain, quoted, JSON-escaped and `repr` spelling, whole or cut off.
"""

import re
import string
import threading
from collections import Counter

from sidecar.observe.secret import Secret

REDACTED = "<redacted>"

SHORTEST_SECRET = 4
"""A known secret shorter than this is left to the patterns: cutting it out would tear words apart."""

SHORTEST_PIECE = 8
"""Characters of a known secret that a text must end with, to be taken for a cut one."""
_AFTER_A_CUT = string.punctuation + string.whitespace + "\u2026\ufffd"
"""What who cut a text may have written behind it."""

_FIELD_WORDS = (
    "access token",
    "api key",
    "authorization",
    "handle",
    "id token",
    "new handle",
    "password",
    "proxy authorization",
    "refresh token",
    "secret",
    "token",
    "x goog api key",
)
"""Names of fields whose value is secret, in any spelling: `apiKey`, `api_key`, `API-KEY`."""

_FIELD_NAMES = frozenset(words.replace(" ", "") for words in _FIELD_WORDS)
_FIELDS = "|".join(words.replace(" ", "[_-]?") for words in _FIELD_WORDS)
_HEADERS = "x-goog-api-key|(?:proxy-)?authorization"
_QUOTE = r"""\\{0,8}["']"""  # bounded: a long run of backslashes is not searched again from each of them
_QUOTED = r"""(?:[^"'\\]|\\+[^"'\\])*"""  # up to the closing quote, which may be escaped, or to the end
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # API keys, the two families that the service issues
        (r"AIza[\w\-]{4,}", REDACTED),
        (r"(?-i:AQ)\.[\w\-.]{8,}", REDACTED),
        # ephemeral tokens, plain or percent-encoded
        (r"auth_tokens(?:/|%2F)[\w\-.~%]+", f"auth_tokens/{REDACTED}"),
        # OAuth access tokens and JWTs
        (r"ya29\.[\w\-.]+", REDACTED),
        (r"(?<![\w\-])eyJ[\w\-]+\.[\w\-]+(?:\.[\w\-]*)?", REDACTED),
        # headers: the whole value, to the end of its line or quotes
        (
            rf"""((?:{_HEADERS})(?:{_QUOTE})?\s*[:=,]\s*+(?:b(?=["'\\]))?(?:{_QUOTE})?+)(?!{REDACTED})[^"'\r\n\\]+""",
            rf"\1{REDACTED}",
        ),
        # "Token" is also a word of the service's own messages: only what is long enough to be one
        (r"\b(bearer\s+)[\w\-.~+/=%]+", rf"\1{REDACTED}"),
        (r"\b(token\s+)[\w\-.~+/=%]{16,}", rf"\1{REDACTED}"),
        # query values
        (r"\b((?:access_token|api_?key|key|token)=)[^&\s\"'<>#\\]+", rf"\1{REDACTED}"),
        # members of JSON objects and Python dicts
        (rf"({_QUOTE}(?:{_FIELDS}){_QUOTE}\s*:\s*{_QUOTE}){_QUOTED}", rf"\1{REDACTED}"),
    )
)

_lock = threading.Lock()
_holders: Counter[str] = Counter()
_spellings: dict[str, set[str]] = {}
_known: tuple[str, ...] | None = ()
"""All spellings of all known secrets, longest first; None until the next `redact` after a change."""


def register(secret: Secret) -> None:
    """From now on `redact` removes this text wherever it appears. Each call needs its `unregister`."""
    global _known
    value = secret.reveal()
    if len(value) < SHORTEST_SECRET:
        return
    with _lock:
        _holders[value] += 1
        if _holders[value] == 1:
            _spellings[value] = _spell(value)
            _known = None


def unregister(secret: Secret) -> None:
    """Takes back one `register`. The text stays removed while another holder is left."""
    global _known
    value = secret.reveal()
    with _lock:
        if _holders[value] > 1:
            _holders[value] -= 1
        else:
            del _holders[value]
            _spellings.pop(value, None)
            _known = None


def _spell(value: str) -> set[str]:
    """The value as it stands in plain text, in JSON, in a Python repr and in a URL."""
    from json import dumps
    from urllib.parse import quote

    # "replace", because a lone surrogate cannot stand in a URL at all
    return {value, dumps(value)[1:-1], repr(value)[1:-1], quote(value, safe="", errors="replace")}


def _known_spellings() -> tuple[str, ...]:
    global _known
    with _lock:
        if _known is None:
            # Longest first, so that a secret which is part of another leaves no rest of it.
            every = {spelling for spellings in _spellings.values() for spelling in spellings}
            _known = tuple(sorted(every, key=len, reverse=True))
        return _known


def redact(text: str) -> str:
    """`text` without secrets. Linear in the length of the text; safe from any thread.

    Redact first and cut then: of a secret that was cut, nobody knows the rest again.
    """
    return _without_patterns(_without_known(text))


def redact_cut(text: str) -> str:
    """As `redact`, of a text that was cut before it came here, by us or by whoever wrote it: a close reason
    has 123 bytes (RFC 6455 section 5.5). So the beginning of a known secret goes too, if the text ends with
    `SHORTEST_PIECE` characters of it or more."""
    return _without_patterns(_without_tail(_without_known(text)))


def _without_known(text: str) -> str:
    for known in _known_spellings():
        if known in text:
            text = text.replace(known, REDACTED)
    return text


def _without_tail(text: str) -> str:
    for end in (len(text), len(text.rstrip(_AFTER_A_CUT))):
        starts = [start for known in _known_spellings() if (start := _start_of_tail(text, end, known)) >= 0]
        if starts:
            return text[: min(starts)] + REDACTED + text[end:]
    return text


def _start_of_tail(text: str, end: int, known: str) -> int:
    """Where a beginning of `known` starts that reaches to `end`; -1 if there is none."""
    piece = known[:SHORTEST_PIECE]
    if len(piece) < SHORTEST_PIECE:
        return -1
    start = text.find(piece, max(0, end - len(known)), end)
    while start >= 0 and not known.startswith(text[start:end]):
        start = text.find(piece, start + 1, end)
    return start


def _without_patterns(text: str) -> str:
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def is_secret_field(name: str) -> bool:
    """Whether a log field of this name is never shown: `api_key`, `apiKey`, `x-goog-api-key`, ..."""
    return name.lower().replace("_", "").replace("-", "") in _FIELD_NAMES
