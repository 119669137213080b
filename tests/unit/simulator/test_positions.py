import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sidecar.simulator.positions import Place, column_of, line_of, place_of, places

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text('ab"\\ü\n', min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


def all_paths(value: Any, path: str = "") -> dict[str, Any]:
    found = {path: value}
    if isinstance(value, dict):
        for name, inner in value.items():
            found |= all_paths(inner, f"{path}.{name}" if path else name)
    if isinstance(value, list):
        for number, inner in enumerate(value):
            found |= all_paths(inner, f"{path}[{number}]")
    return found


@given(VALUES, st.sampled_from([None, 0, 3]), st.booleans())
def test_every_value_is_found_where_it_stands(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = "\n " + json.dumps(value, indent=indent, ensure_ascii=ascii_only) + "\n"
    found = {path: json.loads(text[place.start : place.end]) for path, place in places(text).items()}
    assert found == all_paths(value)


def test_a_member_is_found_by_its_key_and_an_entry_by_its_value() -> None:
    text = '{\n  "a":\n    [1, {"b" : "x]"}]\n}'
    found = places(text)
    assert found["a"] == Place(4, 13, 30)
    assert [line_of(text, found[path].key) for path in ("", "a", "a[0]", "a[1]", "a[1].b")] == [1, 2, 3, 3, 3]
    assert column_of(text, found["a"].key) == 3


def test_what_is_not_there_is_at_the_nearest_thing_around_it() -> None:
    found = places('{"a": [{"b": 1}]}')
    for path, nearest in (("a[0].c", "a[0]"), ("a[0].b.c", "a[0].b"), ("a[7]", "a"), ("x.y", ""), ("x", "")):
        assert place_of(path, found) == found[nearest], path
