"""Client messages are checked before they are accepted, and go out as they came."""

import base64
import json
from typing import Any

import pytest

from sidecar.lifecycle.item import Kind
from sidecar.live import outgoing
from sidecar.live.checking import Terms
from sidecar.live.outgoing import InvalidMessage

PCM = bytes(range(256)) * 2 + b"\xfb\xff\xfe\xff"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padded", [True, False])
def test_both_alphabets_with_and_without_padding_pass_unchanged(encode: Any, padded: bool) -> None:
    data = encode(PCM).decode()
    data = data if padded else data.rstrip("=")
    item = outgoing.audio(3, data, "audio/pcm;rate=16000")
    assert (item.kind, item.n) == (Kind.AUDIO, 3)
    assert item.audio_us == len(PCM) * 1_000_000 // 32_000
    assert json.loads(item.frame) == {
        "realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": data}}
    }


@pytest.mark.parametrize(
    ("data", "why"),
    [("", "empty"), ("AAAA", "3 bytes"), ("A!AA", "base64"), ("é" * 4, "base64"), ("A", "base64"),
     ('AA"}', "base64"), ("AA\nA", "base64")],
)  # fmt: skip
def test_a_bad_chunk_is_refused_with_its_number(data: str, why: str) -> None:
    with pytest.raises(InvalidMessage, match=why) as caught:
        outgoing.audio(7, data, "audio/pcm;rate=16000")
    assert "chunk 7" in str(caught.value)


def test_the_rate_stands_in_the_type() -> None:
    data = base64.b64encode(bytes(480)).decode()
    assert outgoing.audio(0, data, "audio/pcm;rate=24000").audio_us == 10_000
    assert outgoing.audio(0, data, "audio/pcm;rate=8000").audio_us == 30_000


# --- any message ------------------------------------------------------------------------------------

STRICT = Terms()
LENIENT = Terms(strict=False)
VERTEX = Terms("vertex", "v1beta1")
SOUND = {"mimeType": "audio/pcm;rate=16000", "data": "AAA="}


def wrong(kind: str, payload: Any, terms: Terms = STRICT, n: int | None = None) -> dict[str, str]:
    """What is wrong with a message: field to problem."""
    with pytest.raises(InvalidMessage) as caught:
        outgoing.message(kind, payload, n, terms)
    return {problem.field: problem.problem for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("realtimeInput", {"audio": SOUND}, Kind.AUDIO),
        ("realtimeInput", {"text": "hi"}, Kind.TEXT),
        ("realtimeInput", {"text": "hi", "video": None}, Kind.TEXT),
        ("realtimeInput", {"activityStart": {}}, Kind.ACTIVITY),
        ("realtimeInput", {"audioStreamEnd": True}, Kind.CONTROL),
        ("realtimeInput", {"video": {"mimeType": "image/jpeg", "data": "AA=="}}, Kind.VIDEO),
        ("realtimeInput", {"mediaChunks": [SOUND]}, Kind.AUDIO),
        ("realtimeInput", {"media_chunks": [{"mime_type": "image/png", "data": "AAA"}]}, Kind.VIDEO),
        ("clientContent", {"turns": [], "turnComplete": True}, Kind.CONTENT),
        ("clientContent", {"turns": [{"parts": [{"inlineData": SOUND}, {"fileData": {}}]}]}, Kind.CONTENT),
        (
            "toolResponse",
            {"functionResponses": [{"id": "a", "name": "f", "response": {"camelCase": 1, "snake_case": 2}}]},
            Kind.TOOL_RESPONSE,
        ),
    ],
)
def test_every_kind_of_message_is_known_and_goes_out_as_it_came(
    kind: str, payload: dict[str, Any], expected: Kind
) -> None:
    for terms in (STRICT, LENIENT, VERTEX):
        item = outgoing.message(kind, payload, 5, terms).item
        assert (item.kind, item.n) == (expected, 5)
        assert json.loads(item.frame) == {kind: payload}


def test_sound_in_media_chunks_is_counted() -> None:
    data = base64.b64encode(bytes(480)).decode()
    sound = {"mediaChunks": [{"mimeType": "audio/pcm;rate=24000", "data": data}]}
    assert outgoing.message("realtimeInput", sound, 0, VERTEX).item.audio_us == 10_000


def test_a_mark_in_snake_case_goes_out_by_the_name_that_the_outbox_knows() -> None:
    item = outgoing.message("realtimeInput", {"activity_start": {}}, None).item
    assert json.loads(item.frame) == {"realtimeInput": {"activityStart": {}}}


ONE_OF = "2 of fields that exclude each other"


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("realtimeInput", {}, {"realtimeInput": "nothing in it"}),
        ("realtimeInput", {"text": None}, {"realtimeInput": "nothing in it"}),
        ("realtimeInput", {"text": "a", "audioStreamEnd": True}, {"realtimeInput": ONE_OF}),
        ("realtimeInput", {"text": 7}, {"realtimeInput.text": "wrong type: a number"}),
        ("realtimeInput", {"ping": True}, {"realtimeInput.ping": "unknown field"}),
        ("realtimeInput", {"activityEnd": True}, {"realtimeInput.activityEnd": "wrong type: a boolean"}),
        ("realtimeInput", {"audio": {"data": 3}}, {"realtimeInput.audio.data": "wrong type: a number"}),
        ("realtimeInput", {"audio": {"mimeType": "audio/pcm"}}, {"realtimeInput.audio.data": "missing"}),
        ("realtimeInput", {"audio": SOUND | {"data": ""}}, {"realtimeInput.audio.data": "is empty"}),
        ("realtimeInput", {"video": {"data": "$"}}, {"realtimeInput.video.data": "not base64"}),
        ("realtimeInput", {"mediaChunks": []}, {"realtimeInput": "nothing in it"}),
        (
            "realtimeInput",
            {"mediaChunks": [SOUND] * 2},
            {"realtimeInput.mediaChunks": "the service takes the first chunk and ignores the others"},
        ),
        ("realtimeInput", {"audio": SOUND, "activityStart": {}, "text": ""}, {"realtimeInput": ONE_OF}),
        ("clientContent", {"turn": []}, {"clientContent.turn": "unknown field; did you mean turns?"}),
        ("clientContent", {"turnComplete": "yes"}, {"clientContent.turnComplete": "wrong type: a string"}),
        ("clientContent", {"turns": {}}, {"clientContent.turns": "wrong type: an object"}),
        ("clientContent", {"turns": [3]}, {"clientContent.turns[0]": "wrong type: a number"}),
        (
            "clientContent",
            {"turns": [{"role": "user"}, {"role": "system", "parts": [{"text": "a"}, {}]}]},
            {
                "clientContent.turns[1].role": "not one of the allowed values",
                "clientContent.turns[1].parts[1]": "nothing in it",
            },
        ),
        # A oneof of the proto: there an empty text is one, too.
        (
            "clientContent",
            {"turns": [{"parts": [{"text": "", "fileData": {}}]}]},
            {"clientContent.turns[0].parts[0]": ONE_OF},
        ),
        (
            "clientContent",
            {"turns": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}]},
            {"clientContent.turns[0].parts[0].inlineData.data": "not base64"},
        ),
        ("toolResponse", {}, {"toolResponse.functionResponses": "missing"}),
        ("toolResponse", {"functionResponses": []}, {"toolResponse.functionResponses": "a list of length 0"}),
        (
            "toolResponse",
            {"functionResponses": [{"id": "a", "scheduling": "SOON"}, {"name": "f", "response": "sunny"}]},
            {
                "toolResponse.functionResponses[0].scheduling": "not one of the allowed values",
                "toolResponse.functionResponses[1].id": "missing",
                "toolResponse.functionResponses[1].response": "wrong type: a string",
            },
        ),
        ("toolResponse", {"functionResponses": ["f"]}, {"toolResponse.functionResponses[0]": "wrong type: a string"}),
    ],
)  # fmt: skip
def test_what_would_end_the_connection_is_refused_with_every_field(
    kind: str, payload: dict[str, Any], expected: dict[str, str]
) -> None:
    assert wrong(kind, payload) == expected


def test_half_a_sample_is_refused_wherever_it_stands() -> None:
    half = {"mimeType": "audio/pcm", "data": "AAAA"}
    why = "has 3 bytes; PCM16 needs an even number"
    assert wrong("realtimeInput", {"audio": half}) == {"realtimeInput.audio.data": why}
    assert wrong("realtimeInput", {"mediaChunks": [half]}) == {"realtimeInput.mediaChunks[0].data": why}
    content = {"turns": [{"parts": [{"text": "a"}, {"inlineData": half}]}]}
    assert wrong("clientContent", content) == {"clientContent.turns[0].parts[1].inlineData.data": why}
    video = {"video": {"mimeType": "image/jpeg", "data": "AAAA"}}
    assert outgoing.message("realtimeInput", video, None).item.kind is Kind.VIDEO


def test_what_is_refused_is_named_with_its_number() -> None:
    with pytest.raises(InvalidMessage, match=r"^number 7: realtimeInput\.video\.data: not base64"):
        outgoing.message("realtimeInput", {"video": {"data": "$"}}, 7)


# --- the families, and what the setup says ----------------------------------------------------------


def test_vertex_takes_a_function_response_without_an_id_and_no_more_to_come() -> None:
    assert (
        outgoing.message("toolResponse", {"functionResponses": [{"name": "f"}]}, None, VERTEX).item.ids == ()
    )
    more = {"functionResponses": [{"id": "a", "willContinue": True}]}
    assert wrong("toolResponse", more, VERTEX) == {
        "toolResponse.functionResponses[0].willContinue": "only the Developer API knows this field"
    }
    assert outgoing.message("toolResponse", more, None).item.ids == ("a",)


@pytest.mark.parametrize(
    ("mark", "needs_automatic"),
    [({"activityStart": {}}, False), ({"activityEnd": {}}, False), ({"audioStreamEnd": True}, True)],
)
@pytest.mark.parametrize("terms", [STRICT, LENIENT])
def test_marks_and_automatic_detection_exclude_each_other(
    mark: dict[str, Any], needs_automatic: bool, terms: Terms
) -> None:
    field = f"realtimeInput.{next(iter(mark))}"
    outgoing.message("realtimeInput", mark, None, terms._replace(automatic=needs_automatic))
    outgoing.message("realtimeInput", mark, None, terms._replace(automatic=None))
    problem = wrong("realtimeInput", mark, terms._replace(automatic=not needs_automatic))[field]
    assert f"automaticActivityDetection.disabled: {'false' if needs_automatic else 'true'}" in problem


@pytest.mark.parametrize("kind", ["functionCall", "functionResponse"])
def test_a_function_call_in_the_history_was_seen_to_be_refused(kind: str) -> None:
    """By older models (LP 2.2): by the others it is taken."""
    content = {
        "turns": [{"role": "model", "parts": [{"text": "a"}, {kind: {"name": "f"}, "thought": False}]}]
    }
    for model in ("gemini-2.5-flash-native-audio-preview-12-2025", "gemini-live-2.5-flash-native-audio"):
        older = STRICT._replace(model=model)
        assert list(wrong("clientContent", content, older)) == [f"clientContent.turns[0].parts[1].{kind}"]
        lenient = older._replace(strict=False)
        assert outgoing.message("clientContent", content, None, lenient).item.kind is Kind.CONTENT
    for model in ("gemini-3.8-live", "gemini-3.1-flash-live-preview", "my-own-2.5", ""):
        outgoing.message("clientContent", content, None, STRICT._replace(model=model))


# --- what is absence in proto3 JSON -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "kind", "demand", "texts"),
    [
        ({"audioStreamEnd": False, "text": "hi"}, Kind.TEXT, "text", ("hi",)),
        ({"text": "", "audioStreamEnd": True}, Kind.CONTROL, "audioStreamEnd", ()),
        ({"mediaChunks": [], "text": "hi"}, Kind.TEXT, "text", ("hi",)),
        ({"text": "", "audio": SOUND}, Kind.AUDIO, None, ()),
        ({"text": "", "activityEnd": {}}, Kind.ACTIVITY, "activityEnd", ()),
        ({"text": "", "audioStreamEnd": False}, Kind.TEXT, None, ()),
        ({"text": ""}, Kind.TEXT, None, ()),
    ],
)
@pytest.mark.parametrize("terms", [STRICT, LENIENT])
def test_a_default_value_beside_the_input_is_as_if_it_were_not_there(
    payload: dict[str, Any], kind: Kind, demand: str | None, texts: tuple[str, ...], terms: Terms
) -> None:
    said = outgoing.message("realtimeInput", payload, None, terms)
    assert (said.item.kind, said.item.demand, said.texts) == (kind, demand, texts)
    assert (said.item.audio_us > 0) is (kind is Kind.AUDIO)
    assert json.loads(said.item.frame) == {"realtimeInput": payload}


def test_a_scheduling_that_says_nothing_is_answered_as_by_default() -> None:
    payload = responses({"scheduling": "SCHEDULING_UNSPECIFIED"})
    assert outgoing.message("toolResponse", payload, None).item.demand == "toolResponse"


def test_of_several_chunks_the_first_is_what_the_service_hears() -> None:
    """The others it ignores (LP 2.3): lost sound, so only lenient checks send them."""
    chunks = {"mediaChunks": [SOUND, SOUND, {"mimeType": "audio/pcm", "data": "AAAA"}]}
    item = outgoing.message("realtimeInput", chunks, None, LENIENT).item
    assert (item.kind, item.audio_us) == (Kind.AUDIO, 2 * 1_000_000 // 32_000)
    with pytest.raises(InvalidMessage) as caught:
        outgoing.message("realtimeInput", chunks, None)
    assert "lenient" in caught.value.remediation
    strange = {"mediaChunks": [], "smell": {}}
    assert outgoing.message("realtimeInput", strange, None, LENIENT).item.kind is Kind.CONTENT


OF_THE_SDK = {
    "audioTranscription": {},
    "mediaProcessing": {},
    "speechMetadata": {},
    "documentMetadata": {},
    "spreadsheetMetadata": {},
    "audioMetadata": {},
    "thoughtSignature": "AA==",
    "thought": False,
}


def test_every_field_that_googles_client_knows_in_a_part_is_known() -> None:
    for kind in ("toolCall", "toolResponse"):
        content = {"turns": [{"parts": [{"text": "a", **OF_THE_SDK}, {kind: {}}]}]}
        outgoing.message("clientContent", content, None)
        assert wrong("clientContent", content, VERTEX) == {
            f"clientContent.turns[0].parts[1].{kind}": "only the Developer API knows this field"
        }
    both = {"turns": [{"parts": [{"toolCall": {}, "toolResponse": {}}]}]}
    assert wrong("clientContent", both) == {"clientContent.turns[0].parts[0]": ONE_OF}


def test_lenient_checks_let_through_what_is_new_and_nothing_else() -> None:
    new = {"functionResponses": [{"id": "a", "scheduling": "SOON", "certainty": 1}]}
    item = outgoing.message("toolResponse", new, None, LENIENT).item
    assert json.loads(item.frame) == {"toolResponse": new}
    strange = outgoing.message("realtimeInput", {"smell": {}}, None, LENIENT).item
    assert strange.kind is Kind.CONTENT
    for terms in (STRICT, LENIENT):
        assert wrong("realtimeInput", {"audio": {"data": "AAAA"}}, terms)
        assert wrong("realtimeInput", {}, terms)
        assert wrong("toolResponse", {"functionResponses": [{"id": 5}]}, terms)


def test_the_way_out_is_told_where_there_is_one() -> None:
    with pytest.raises(InvalidMessage) as new:
        outgoing.message("realtimeInput", {"smell": {}}, None)
    with pytest.raises(InvalidMessage) as bad:
        outgoing.message("realtimeInput", {}, None)
    assert "lenient" in new.value.remediation
    assert bad.value.remediation == ""


# --- what asks for an answer ------------------------------------------------------------------------


def responses(*more: dict[str, Any]) -> dict[str, Any]:
    return {"functionResponses": [{"id": f"call_{n}", **each} for n, each in enumerate(more)]}


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("clientContent", {"turns": [], "turnComplete": True}, "turnComplete"),
        ("clientContent", {"turn_complete": True}, "turnComplete"),
        ("clientContent", {"turns": []}, None),
        ("clientContent", {"turns": [], "turnComplete": False}, None),
        ("clientContent", {}, None),
        ("toolResponse", responses({}), "toolResponse"),
        ("toolResponse", responses({"scheduling": "SILENT"}, {"scheduling": "WHEN_IDLE"}), "toolResponse"),
        ("toolResponse", responses({"scheduling": "SILENT"}), None),
        ("realtimeInput", {"text": "hello"}, "text"),
        ("realtimeInput", {"audioStreamEnd": True}, "audioStreamEnd"),
        ("realtimeInput", {"audio_stream_end": True}, "audioStreamEnd"),
        ("realtimeInput", {"audioStreamEnd": False}, None),
        ("realtimeInput", {"activityEnd": {}}, "activityEnd"),
        ("realtimeInput", {"activityStart": {}}, None),
        ("realtimeInput", {"audio": SOUND}, None),
        ("realtimeInput", {"video": {"data": "AAAA"}}, None),
    ],
)
def test_only_what_ends_the_users_say_asks_for_an_answer(
    kind: str, payload: dict[str, Any], expected: str | None
) -> None:
    assert outgoing.message(kind, payload, 1).item.demand == expected


def test_speech_itself_asks_for_nothing() -> None:
    assert outgoing.audio(1, "AAA=", "audio/pcm;rate=16000").demand is None


def test_a_function_that_goes_on_has_not_answered_for_good() -> None:
    checked = outgoing.message("toolResponse", responses({"willContinue": True}, {}), None)
    assert (checked.item.ids, checked.answered) == (("call_0", "call_1"), ("call_1",))


# --- what the user says in writing ------------------------------------------------------------------


def turn(*texts: Any, **more: Any) -> dict[str, Any]:
    return {"parts": [{"text": text} for text in texts], **more}


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("realtimeInput", {"text": "hello"}, ("hello",)),
        ("realtimeInput", {"text": ""}, ()),
        ("realtimeInput", {"audio": SOUND}, ()),
        ("toolResponse", {"functionResponses": [{"id": "a", "response": {"text": "no"}}]}, ()),
        ("clientContent", {"turns": [turn("a", "b", role="user"), turn("c", role="user")]}, ("a", "b", "c")),
        ("clientContent", {"turns": [turn("asked"), turn("answered", role="model")]}, ("asked",)),
        ("clientContent", {"turns": [turn("a", "", role="user")]}, ("a",)),
        ("clientContent", {"turns": [{"role": "user", "parts": [{"inlineData": SOUND}]}]}, ()),
        ("clientContent", {"turns": [{}, {"role": None, "parts": [{"text": "x"}]}]}, ("x",)),
        ("clientContent", {"turnComplete": True}, ()),
        ("clientContent", {}, ()),
    ],
)
def test_the_users_own_words_are_found_in_whatever_is_sent(
    kind: str, payload: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert outgoing.message(kind, payload, None).texts == expected


@pytest.mark.parametrize(
    "mime_type", ['audio/pcm","x":"y', 'audio/pcm"', "audio/pcm;rate=16000\n", "", "audio"]
)
def test_a_media_type_cannot_break_the_frame(mime_type: str) -> None:
    with pytest.raises(outgoing.InvalidMessage, match="mimeType"):
        outgoing.audio(0, "AAAAAAAA", mime_type)


@pytest.mark.parametrize("kind", ["setup", "bogus", ""])
def test_only_a_hosts_messages_are_sent(kind: str) -> None:
    with pytest.raises(outgoing.InvalidMessage, match="realtimeInput"):
        outgoing.message(kind, {"text": "x"}, None)
