"""Server frames: one strategy a class, each of which gives the frames of a batch."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

import msgspec
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from sidecar.live.messages import ServerMessage
from tests.fuzz.child import CANARY
from tests.fuzz.strategies import BROKEN_BYTES, DEEPEST, RAW_VALUES, odd

BATCH = 200
MOVES = ("", "0s", "1s", "0.5s", "-1s", "abc", "1e3s", "5", "\u0665s", "1s\n", 5, {"seconds": 50}, None)
"""What goAway may say of the time left; the session moves at once in any case."""


class Sent(NamedTuple):
    """One data message as it goes over the wire; `wire` may begin with control frames and be in fragments."""

    wire: bytes
    payload: bytes

    def __str__(self):
        return repr(self.payload)

    def __len__(self):
        return len(self.payload)


class Field(NamedTuple):
    """Where a field stands in a server message, and its own Structs' fields inside."""

    path: tuple[str, ...]
    in_list: tuple[bool, ...]


def fields(
    struct: type[msgspec.Struct], path: tuple[str, ...] = (), lists: tuple[bool, ...] = ()
) -> Iterator[Field]:
    """Every field of a server message at any depth, by its name on the wire."""
    for each in msgspec.structs.fields(struct):
        inner, in_list = _struct_inside(each.type)
        place = Field((*path, each.encode_name), (*lists, in_list))
        yield place
        if inner is not None:
            yield from fields(inner, *place)


def _struct_inside(annotation):
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation, False
    inside = [_struct_inside(argument) for argument in get_args(annotation)]
    found = next((struct for struct, _ in inside if struct is not None), None)
    return found, getattr(annotation, "__origin__", None) is list or any(in_list for _, in_list in inside)


FIELDS = tuple(fields(ServerMessage))
TOP = tuple(field.path[0] for field in FIELDS if len(field.path) == 1)
LONG = "x" * 300
PLAUSIBLE = (
    "a text",
    LONG,
    "\u00e9\U0001f600\u2028",
    "50s",
    "IDLE",
    "audio/pcm;rate=24000",
    "audio/pcm;rate=0",
    "audio/",
    CANARY[:3],
    True,
    1,
    [],
    {},
    ["a", "b"],
)


def _filled(field: Field, value: Any) -> dict[str, Any]:
    """A message with `value` at the field."""
    for name, in_list in reversed(list(zip(field.path, field.in_list, strict=True))):
        value = {name: [value] if in_list and isinstance(value, dict) else value}
    return value


def shapes():
    """Every field of a server message with values of every type, two of them together, the whole in any form."""
    value = odd | st.sampled_from(PLAUSIBLE)
    one = st.tuples(st.sampled_from(FIELDS), value, st.sampled_from(FIELDS), value, st.integers(0, 9))
    return _batch(st.tuples(one.map(_message), _FORM))


def _message(parts):
    first, value, second, other, how = parts
    message = _filled(first, value)
    if how < 4:
        message |= _filled(second, other)
    if isinstance(message.get("goAway"), dict):  # the order to move, whatever is in it: a class of its own
        message["goAway"] = 5
    return json.dumps(
        message, indent=2 if how == 9 else None, ensure_ascii=how % 2 == 0 or not _encodes(message)
    ).encode()


def _encodes(message):
    try:
        json.dumps(message, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def edges():
    """JSON at its edges as a whole message and inside of one, and bytes that are none."""
    names = st.sampled_from((*TOP, "none", "", "server_content", "session_resumption_update"))
    text = st.tuples(
        names.filter(lambda name: name != "goAway"),
        st.sampled_from(RAW_VALUES),
        st.sampled_from(BROKEN_BYTES),
        st.integers(0, 7),
    )
    return _batch(st.tuples(text.map(_edge), _FORM))


def _edge(parts):
    name, value, wrong, how = parts
    whole = (
        '{"%s":%s}',
        '{"%s":{"a":%s}}',
        '{"usageMetadata":{"%s":%s}}',
        '{"%s":[%s]}',
        '{"a":1,"%s":\r\n%s\n}',
    )[how % 5] % (name, value)
    return (
        whole.encode(),
        value.encode(),
        whole.encode() + wrong,
        whole.encode().replace(b'":', wrong + b'":'),
    )[max(0, how - 4)]


def odd_content():
    """Tool calls with odd ids, handles, transcripts, numbers: what the sidecar keeps and makes something of."""
    text = st.text(max_size=20) | st.sampled_from(
        ("", LONG, "\u2028", "\x00", "0" * 16400, '"', "\\", "\U0001f600")
    )
    number = (
        st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.sampled_from((10**400, -(10**30), 1e308))
    )
    return _batch(
        st.tuples(
            st.tuples(st.sampled_from(_CONTENTS), text, number, st.booleans()).map(
                lambda p: json.dumps(p[0](*p[1:])).encode()
            ),
            _FORM,
        )
    )


_CONTENTS = (
    lambda s, n, b: {"toolCall": {"functionCalls": [{"id": s, "name": s, "args": {s: n}}, {"id": s}, {}]}},
    lambda s, n, b: {"toolCallCancellation": {"ids": [s, s, ""]}},
    lambda s, n, b: {"sessionResumptionUpdate": {"newHandle": s, "resumable": b}},
    lambda s, n, b: {
        "sessionResumptionUpdate": {
            "newHandle": s,
            "resumable": True,
            "lastConsumedClientMessageIndex": str(n)[:40],
        }
    },
    lambda s, n, b: {"serverContent": {"outputTranscription": {"text": s, "finished": b}}},
    lambda s, n, b: {
        "serverContent": {"inputTranscription": {"text": s}, "turnComplete": b, "interrupted": not b}
    },
    lambda s, n, b: {
        "serverContent": {
            "modelTurn": {"parts": [{"text": s, "thought": b}, {"inlineData": {"mimeType": s, "data": s}}]}
        }
    },
    lambda s, n, b: {
        "serverContent": {
            "modelTurn": {
                "parts": [{"inlineData": {"mimeType": f"audio/pcm;rate={n}", "data": "AAAA" * 300}}]
            }
        }
    },
    lambda s, n, b: {
        "serverContent": {
            "generationComplete": b,
            "turnComplete": True,
            "interactionStatus": s,
            "turnCompleteReason": s,
        }
    },
    lambda s, n, b: {"usageMetadata": {"totalTokenCount": n, s: [{"modality": s, "tokenCount": n}]}},
    lambda s, n, b: {"voiceActivity": {"type": "ACTIVITY_START" if b else s, "audioOffset": f"{n}s"}},
    lambda s, n, b: {"setupComplete": {s: n}},
    lambda s, n, b: {"error": {"code": n, "message": s}},
)


def deep():
    """Nested to a hundred thousand levels, closed or not."""
    depth = st.sampled_from((100, 900, 1000, 1100, 5000, DEEPEST))
    nest = st.sampled_from(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")))
    name = st.sampled_from([name.encode() for name in (*TOP, "none") if name != "goAway"])
    text = st.tuples(name, nest, depth, st.booleans()).map(
        lambda p: b'{"%s":%s1%s}' % (p[0], p[1][0] * p[2], p[1][1] * p[2] * p[3])
    )
    return st.lists(st.tuples(text, _FORM).map(_sent), min_size=10, max_size=10)


def moves():
    """One goAway, with any time left: the session moves to a new line."""
    return st.sampled_from(MOVES).map(
        lambda left: [_sent((json.dumps({"goAway": {"timeLeft": left}}).encode(), 0))]
    )


def garbage():
    """What no WebSocket may send; the line ends, and another takes its place."""
    wire = st.tuples(st.sampled_from(_GARBAGE), st.binary(max_size=40)).map(lambda p: p[0] + p[1] + RUBBISH)
    return wire.map(lambda wire: [Sent(wire, wire)])


RUBBISH = b"\xff" * 300
"""Ends whatever the bytes before it began: a frame that is not whole would be waited for."""
_GARBAGE = (
    *(
        bytes([first, 1]) + b"x"
        for first in (0xC1, 0xA2, 0x92, 0xF1, 0x83, 0x87, 0x8B, 0x8F, 0x09, 0x0A, 0x08)
    ),
    *(
        b"\x80\x01x",
        b"\x00\x01x",
        b"\x81\x81abcdx",
        b"\x82\x80abcd",
        b"\x89\x7e\x00\x7e" + b"p" * 126,
        b"\x8a\x7f" + b"\x00" * 8,
    ),
    *(
        b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x82\x7f\x00\x00\x00\x01\x00\x00\x00\x00",
        b"\x81\x7f\x00\x00\x00\x00\x02\x00\x00\x00",
    ),
    *(
        b"\x88\x01x",
        b"\x88\x02\x00\x00",
        b"\x88\x02\x03\xed",
        b"\x88\x03\x03\xe8\xff",
        b"\x88\x02\x13\x88",
        b"\x01\x01a\x81\x01b",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100,
    ),
)
"""Reserved bits, unknown opcodes, control frames that are split or too long, masks, lengths, bad close frames."""


# --- the form in which a message goes over the wire -----------------------------------------------

_FORM = st.integers(0, 63)


def _batch(messages):
    return st.lists(messages.map(_sent), min_size=BATCH, max_size=BATCH)


def _sent(parts):
    payload, form = parts
    opcode = Opcode.TEXT if form & 1 else Opcode.BINARY
    control = _CONTROLS[form >> 3]
    if form & 6 != 6:
        return Sent(control + _frame(opcode, payload), payload)
    cut = len(payload) // 2
    first = Frame(opcode, payload[:cut], fin=False).serialize(mask=False)
    return Sent(
        first + control + _frame(Opcode.CONT, b"", fin=False) + _frame(Opcode.CONT, payload[cut:]), payload
    )


def _frame(opcode, payload, fin=True):
    return Frame(opcode, payload, fin=fin).serialize(mask=False)


_CONTROLS = (
    *(b"", b"", b"", b"", _frame(Opcode.PING, b""), _frame(Opcode.PING, b"\xff" * 125)),
    *(_frame(Opcode.PONG, b"\x00\x01"), _frame(Opcode.PONG, b"") + _frame(Opcode.PING, b"p")),
)
