"""What a host may expect of any line: how many answers, and under which ids. Shares no code with the sidecar.

It reads with the standard library's JSON. Where JSON-RPC leaves a choice (a broken call that still shows its
id), both are allowed; the number of answers is never left open for a well-formed request.
"""

import json
from collections import Counter
from typing import NamedTuple

MAX_LINE_BYTES = 2**24
MAX_BATCH = 50
MAX_ID_CHARS = 1024
MAX_ID_DIGITS = 300
"""Longer integers may be refused as an id."""
NULL = "null"


class Due(NamedTuple):
    """One answer that must come (`sure`) or may, under one of `ids`; `ids` None: under any."""

    ids: tuple[str, ...] | None
    sure: bool = True


NAMELESS = Due((NULL,))


def key(call_id):
    """An id, told apart by its type too: 1, "1" and true are three."""
    return json.dumps(call_id)


def answers_due(data: bytes) -> list[Due]:
    """What is due for bytes of any lines."""
    return [due for line in data.split(b"\n") for due in _of_line(line.removesuffix(b"\r"))]


def _of_line(line: bytes) -> list[Due]:
    if not line:
        return []
    if len(line) > MAX_LINE_BYTES:
        return [NAMELESS]
    try:
        text = line.decode()
        odd = []
        value = json.loads(text, object_pairs_hook=_Object, parse_constant=odd.append)
    except RecursionError:
        return [Due(None)]
    except ValueError:
        return [NAMELESS]
    strict = not odd and not _has_lone_surrogate(text, value)
    if not isinstance(value, list):
        return _of_member(value, strict)
    if not 0 < len(value) <= MAX_BATCH:
        return [NAMELESS]
    if not strict:
        return [Due(None), *[Due(None, sure=False)] * (len(value) - 1)]
    return [due for member in value for due in _of_member(member, True)]


def _of_member(value, strict: bool) -> list[Due]:
    if not isinstance(value, _Object):
        return [NAMELESS]
    ids = {key(each) for name, each in value.pairs if name == "id" and _may_be_id(each)}
    either = Due((*ids, NULL))
    huge = isinstance(value.get("id"), int) and abs(value["id"]) >= 10**MAX_ID_DIGITS
    if not strict:  # a notification need not be read so far that it is found out
        return [either._replace(sure="id" in value)]
    if value.doubled:
        return [either._replace(sure="method" in value and "id" in value)]
    if "method" not in value and ("result" in value or "error" in value):
        well = isinstance(value.get("jsonrpc", ""), str) and (value.get("id") is None or ids)
        return [either._replace(sure=not huge)] if huge or not well else []
    if value.get("jsonrpc") != "2.0" or not isinstance(value.get("method"), str):
        return [either]
    if "id" not in value:
        return []
    if not ids:
        return [NAMELESS]
    return [either if huge else Due((key(value["id"]),))]


def _may_be_id(value):
    if isinstance(value, str):
        return len(value) <= MAX_ID_CHARS
    return isinstance(value, int) and not isinstance(value, bool)


class _Object(dict):
    """An object that remembers a name given twice."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.pairs = pairs
        self.doubled = len(self) < len(pairs)


def _has_lone_surrogate(text, value):
    if "\\u" not in text:
        return False
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def matched(due: list[Due], came: Counter) -> tuple[list[Due], Counter]:
    """What is missing of the answers due, and what came over: both empty when all is well."""
    left = Counter(came)
    missing = []
    wanted = {call_id for each in due if not each.sure for call_id in each.ids or ()}
    # Those with the least choice take first: a definite id, one or null, anything; then what need not come.
    for each in sorted(due, key=lambda due: (not due.sure, due.ids is None, len(due.ids or ()))):
        choices = sorted(left, key=wanted.__contains__) if each.ids is None else each.ids
        taken = next((call_id for call_id in choices if left[call_id] > 0), None)
        if taken is not None:
            left[taken] -= 1
        elif each.sure:
            missing.append(each)
    return missing, +left
