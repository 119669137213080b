"""Lines for stdin: one strategy a class of bad input, each of which gives the lines of a batch."""

import json

from hypothesis import strategies as st

from tests.fuzz.child import CANARY
from tests.fuzz.schema import MISSING, Method, altered

BATCH = 200
DEEPEST = 100_000
ENDING = frozenset({"exit", "shutdown", "system/suspend", "system/resume", "network/changed"})
"""They end the process, or change it for every session; they are tried on a process of their own."""
READING = ("session/get", "session/stats", "session/wait")
"""They change nothing: these may ask for the session that must go on undisturbed."""
UNDISTURBED = "beside"

URLS = (
    *("ws://127.0.0.1:1", "http://127.0.0.1:1/x", "wss://127.0.0.1:1", "ws://[::1]:1", "ws://localhost:1"),
    *(
        "",
        " ",
        "ws://",
        "ws://[",
        "ws://127.0.0.1:99999",
        "ws://127.0.0.1:-1",
        "ws://127.0.0.1:1?key=k",
        "127.0.0.1:1",
    ),
    *(
        "unix:///tmp/none",
        "ftp://127.0.0.1",
        "javascript:0",
        "ws://u:p@127.0.0.1:1",
        "ws://127.0.0.1:1/\u00e9",
        "file:///",
    ),
    *(
        "ws://127.0.0.1:1\r\nX: y",
        "ws://\x00",
        "wss://127.0.0.1:1/#f",
        "//127.0.0.1:1",
        "ws:127.0.0.1",
        "ws://127.0.0.1:1 ",
    ),
)
"""Nothing here names another machine."""

ODD_TEXT = (
    "",
    "\x00",
    "\u2028\u2029",
    "\ufeff",
    "\U0001f600",
    "\ud83d",
    "\udc00\ud800",
    "a" * 129,
    "x" * 5000,
    "\r\n",
    '"\\',
)
ODD_NUMBERS = (
    0,
    -1,
    -0.0,
    1.5,
    2**31,
    2**53,
    2**53 + 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
    10**400,
    1e308,
    -1e-308,
)
ODD = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None] * 60,
    {"": {}},
    {"a": [{"b": [1, 2.5, "c"]}]},
    *ODD_TEXT,
    *ODD_NUMBERS,
)
odd = (
    st.sampled_from(ODD)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
ids = (
    st.integers(-5, 10**6)
    | st.sampled_from(("", "0", "1", "id", "\U0001f600", "x" * 1024, 0, -0, 2**53, 10**25))
    | st.text(max_size=6)
)
bad_ids = st.sampled_from((None, True, 1.5, 1.0, [], {}, [1], "y" * 1025, 10**5000, 1e300, {"id": 1}))

RAW_VALUES = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "-0",
        "-0.0",
        "1E+2",
        "0.1e-400",
        "01",
        "+1",
        ".5",
        "1.",
        "0x1",
        "1_000",
        "9" * 5000,
    ),
    *(
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\ud83d\\ude00"',
        '"\\u0000"',
        '"\x00"',
        '"\x1f"',
        '"\t"',
        '"\\q"',
        '"\\u12"',
        '"',
        "'a'",
        '"\u2028"',
    ),
    *(
        "[",
        "]",
        "{",
        "}",
        "[]",
        "{}",
        "[,]",
        "[1,]",
        '{"a":1,}',
        '{"a":1,"a":2}',
        "{1:2}",
        '{"a"}',
        "null",
        "true",
        "tru",
        "nul",
        "undefined",
        "",
    ),
    *(
        "/*c*/1",
        "1//",
        "1 2",
        "{}{}",
        "[][]",
        "\ufeff1",
        "\u00a01",
        " \t 1",
        '{"__proto__":{}}',
        '{"":""}',
        "[" * 50 + "]" * 50,
    ),
)
ENVELOPES = (
    *(
        '{"jsonrpc":"2.0","id":%s,"method":"ping"}',
        '{"jsonrpc":"2.0","id":7,"method":%s}',
        '{"jsonrpc":%s,"id":7,"method":"ping"}',
    ),
    *(
        '{"jsonrpc":"2.0","id":7,"method":"ping","params":%s}',
        '{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":%s}}',
    ),
    *(
        '{"jsonrpc":"2.0","id":7,"method":"ping","extra":%s}',
        '{"jsonrpc":"2.0","method":"log/none","params":%s}',
        "%s",
        "[%s]",
    ),
    *(
        '[{"jsonrpc":"2.0","id":7,"method":"ping"},%s]',
        '[%s,{"jsonrpc":"2.0","id":8,"method":"ping"}]',
        '{"jsonrpc":"2.0","id":%s,"result":1}',
    ),
    *(
        '{"jsonrpc":"2.0","id":1,"id":%s,"method":"ping"}',
        '{"id":%s}',
        '{"jsonrpc":"2.0","id":7,"error":%s}',
        "\ufeff%s",
        " \t%s \t",
        "\x00%s",
    ),
    *(
        '{"jsonrpc":"2.0","method":"ping","id":7,"params":{},"params":%s}',
        "[[%s]]",
        "[%s" + ",1" * 49 + "]",
        "[1" + ",%s" + ",1" * 50 + "]",
    ),
)
BROKEN_BYTES = (
    *(
        b"\xff",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xe2\x82",
        b"\x80",
    ),
    *(
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf",
        b"\x00",
        b"\x1b[2J",
        b"\r",
        b"\r\r",
        b"\x0b",
        b"\x0c",
        b"\x85",
        b"\xc2\x85",
        b"\x7f",
    ),
)


def edges():
    """JSON at its edges, in every place of an envelope."""
    line = st.tuples(
        st.sampled_from(ENVELOPES),
        st.sampled_from(RAW_VALUES) | odd.map(json.dumps),
        st.sampled_from(BROKEN_BYTES),
        st.integers(0, 9),
    )
    return st.lists(line.map(_edge), min_size=BATCH, max_size=BATCH)


def _edge(parts):
    envelope, value, wrong, when = parts
    line = envelope.replace("%s", value).encode()
    return line if when else line.replace(b"ping", b"p" + wrong + b"ing") + wrong


def broken(methods: list[Method]):
    """Valid calls, cut off, spliced, doubled in part, with a byte changed."""
    wholes = [_line(m.name, m.valid, n if m.request else None) for n, m in enumerate(_tame(methods))]
    wholes = [whole.replace(CANARY.encode(), b"another-key") for whole in wholes]  # it may end up in a name
    place = st.integers(0, 400)
    line = st.tuples(st.sampled_from(wholes), st.sampled_from(wholes), place, place, st.sampled_from(_CUTS))
    return st.lists(
        line.map(lambda p: p[4](p[0], p[1], p[2] % len(p[0]), p[3] % len(p[1]))),
        min_size=BATCH,
        max_size=BATCH,
    )


_CUTS = (
    lambda a, _, i, __: a[:i],
    lambda a, _, i, __: a[i:],
    lambda a, b, i, j: a[:i] + b[j:],
    lambda a, b, i, _: a[:i] + b + a[i:],
    lambda a, _, i, j: a[: min(i, j)] + a[max(i, j) :],
    lambda a, _, i, j: a[:i] + bytes([j % 256]).replace(b"\n", b"") + a[i + 1 :],
    lambda a, _, i, __: a + a[:i],
)


def deep():
    """Arrays and objects, closed or not, to a hundred thousand levels, as a line, an id, a name or params."""
    depth = st.sampled_from((10, 100, 900, 1000, 1100, 3000, 20_000, DEEPEST))
    nest = st.sampled_from(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")))
    where = st.sampled_from((b"%s", b"[%s]", *(e.encode() for e in ENVELOPES[:5])))
    line = st.tuples(where, nest, depth, st.booleans())
    return st.lists(line.map(_nested), min_size=10, max_size=10)


def _nested(parts):
    where, (opening, closing), depth, closed = parts
    return where.replace(b"%s", opening * depth + b"1" + (closing * depth if closed else b""))


def typed(methods: list[Method]):
    """Every field of every method's params: missing, of a wrong type, out of range, beside an unknown one."""
    ready = {m.name: (m, m.places) for m in _tame(methods)}
    name = st.sampled_from([n for n, (m, places) in ready.items() for _ in range(1 + len(places) // 8)])
    line = st.tuples(
        name,
        st.integers(0, 999),
        st.integers(0, 9),
        odd,
        ids,
        st.sampled_from(("target", "target", "f0", "f1")),
    )
    return st.lists(line.map(lambda p: _mutated(*ready[p[0]], *p[1:])), min_size=BATCH, max_size=BATCH)


def _mutated(method, places, which, how, value, call_id, session):
    params = dict(method.valid)
    if "sessionId" in params:
        params["sessionId"] = UNDISTURBED if method.name in READING and how % 2 else session
    if places:
        place = places[which % len(places)]
        if how == 0:
            value = MISSING
        elif how <= 4:
            value = place.edges[which % len(place.edges)]
        if place.path[-1] == "baseUrl":
            value = URLS[which % len(URLS)]
        if place.path[-1] == "sessionId" and value == UNDISTURBED:
            value = "f2"
        params = altered(params, place.path, value)
    if how == 9 or not places:
        params["n" + str(value)[:20]] = None if value is MISSING else value
    return _line(
        method.name,
        params if how != 8 or which % 4 else [value if value is not MISSING else 1],
        call_id if method.request or how == 7 else None,
    )


def flood(methods: list[Method]):
    """Small calls with ids of every shape, notifications, and batches of them, as fast as the pipe takes them."""
    names = (
        "ping",
        "session/list",
        "session/get",
        "session/stats",
        "none",
        "log/setLevel",
        "$/cancelRequest",
        "session/sendAudio",
        "session/ping",
        "",
    )
    valid = {m.name: m.valid for m in methods}
    line = st.tuples(st.sampled_from(names), ids | bad_ids, st.integers(0, 19))
    return st.lists(line, min_size=BATCH // 2, max_size=2 * BATCH).map(
        lambda rows: [_small(valid, *row) for row in rows]
    )


def _small(valid, name, call_id, how):
    params = dict(valid.get(name, {}))
    if how == 0:
        return _line(name, params, MISSING if name.startswith("$") else None)
    if how == 1:
        return b"[" + b",".join([_line(name, params, call_id)] * 3) + b"]"
    return _line(name, params, call_id)


def raw():
    """Bytes that are no JSON: control characters, blank lines, carriage returns, every broken form of UTF-8."""
    piece = (
        st.sampled_from(BROKEN_BYTES)
        | st.binary(max_size=24)
        | st.sampled_from((b"", b" ", b"\r", b"\t", b"{}", b"[]", b'"a"', b"1"))
    )
    line = st.tuples(piece, piece, piece).map(b"".join)
    return st.lists(line, min_size=BATCH, max_size=BATCH)


def ending(methods: list[Method]):
    """The methods that end a process or rest all its sessions, right and wrong; for a process of their own."""
    rows = {m.name: (m, m.places) for m in methods if m.name in ENDING}
    line = st.tuples(
        st.sampled_from(sorted(rows)), st.integers(0, 99), st.integers(0, 9), odd, ids, st.just("f0")
    )
    return st.lists(line.map(lambda p: _mutated(*rows[p[0]], *p[1:])), min_size=10, max_size=10)


def _tame(methods):
    return [m for m in methods if m.name not in ENDING and m.name != "initialize"]


def _line(method, params, call_id):
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    if call_id is not None and call_id is not MISSING:
        message["id"] = call_id
    return json.dumps(message).encode()
