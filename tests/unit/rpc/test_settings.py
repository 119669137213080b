"""Settings on the wire and in the lifecycle: one set of fields, one set of defaults."""

import re

import msgspec
import pytest
from msgspec import UNSET, structs

from sidecar.lifecycle import settings as s
from sidecar.rpc import protocol as p
from sidecar.rpc.errors import RpcError
from sidecar.rpc.settings import effective, patch, settings_of

ONLY_ON_THE_WIRE = {"preset", "handle", "previous_close_age_ms"}


def given(**sections) -> p.SessionSettings:
    """Settings as a host sends them."""
    return msgspec.convert(sections, p.SessionSettings)


SECTIONS = [
    pytest.param(field.type, getattr(s.Settings(), field.name), id=field.name)
    for field in structs.fields(p.SessionSettings)
]
"""A section's Struct on the wire, and its defaults in the lifecycle."""


def stated_defaults(wire: type[msgspec.Struct]) -> dict[str, str]:
    """What the descriptions of a section call the default, by field."""
    properties = msgspec.json.schema(wire)["$defs"][wire.__name__]["properties"]
    found = {}
    for field in structs.fields(wire):
        text = msgspec.json.encode(properties[field.encode_name]).decode()
        stated = re.search(r"Default (\w+(?:\.\d+)?)", text) or re.search(r"(\w+) \(default\)", text)
        if stated:
            found[field.name] = stated[1]
    return found


def spelled(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value).removesuffix(".0")


def problems_of(call) -> list[p.FieldProblem]:
    with pytest.raises(RpcError) as caught:
        call()
    assert caught.value.data.kind == "invalidParams"
    assert isinstance(caught.value.data.problems, list)
    return caught.value.data.problems


# --- both sides have the same ---------------------------------------------------------------------


def test_both_sides_have_the_same_sections():
    assert p.SessionSettings.__struct_fields__ == s.Settings.__struct_fields__


@pytest.mark.parametrize(("wire", "mine"), SECTIONS)
def test_both_sides_of_a_section_have_the_same_fields(wire, mine):
    translated = {
        re.sub("_ms$", "_s", f.name) for f in structs.fields(wire) if f.name not in ONLY_ON_THE_WIRE
    }

    assert translated == set(mine.__struct_fields__)


@pytest.mark.parametrize(("wire", "mine"), SECTIONS)
def test_what_a_description_calls_the_default_is_the_default(wire, mine):
    stated = stated_defaults(wire)
    stated.pop("preset", None)
    expected = {}
    for field in structs.fields(wire):
        if field.name in ONLY_ON_THE_WIRE or field.name == "delays_ms":  # a list that has none
            continue
        value = getattr(mine, re.sub("_ms$", "_s", field.name))
        expected[field.name] = f"{value * 1000:.0f}" if field.name.endswith("_ms") else spelled(value)

    assert stated == expected


def test_what_the_strict_preset_says_it_sets_it_sets():
    text = {f.name: str(f.type) for f in structs.fields(p.HeartbeatSettings)}
    strict = settings_of(given(heartbeat={"preset": "strict"})).heartbeat

    for name, value in (
        ("interval_ms", strict.interval_s),
        ("suspect_after_ms", strict.suspect_after_s),
        ("dead_after_ms", strict.dead_after_s),
    ):
        assert f"strict {value * 1000:.0f}." in text[name]
    assert "dead after 35 s of silence; strict: after 1.5 s" in text["preset"]
    assert (strict.dead_after_s, s.Heartbeat().dead_after_s) == (1.5, 35)


# --- from the wire --------------------------------------------------------------------------------


def test_nothing_given_means_the_defaults():
    assert settings_of(p.SessionSettings()) == s.Settings()


def test_milliseconds_become_seconds_and_the_rest_stays():
    settings = settings_of(
        given(
            heartbeat={"intervalMs": 20_500},
            reconnect={"backoff": "list", "delaysMs": [0, 250], "factor": 3, "enabled": False},
            breaker={"shortLifeMs": 1},
            stall={"action": "reconnect"},
            deadlines={"handshakeMs": 500},
            outbox={"maxBytes": 65_536, "flushRate": 2.5},
            handOver={"oldCloseMs": 10},
            resumption={"reseedChars": 256, "handleTtlMs": 604_800_000},
        )
    )

    assert settings.heartbeat.interval_s == 20.5
    assert settings.reconnect.delays_s == (0, 0.25)
    assert (settings.reconnect.backoff, settings.reconnect.factor, settings.reconnect.enabled) == (
        "list",
        3,
        False,
    )
    assert settings.breaker.short_life_s == 0.001
    assert settings.stall.action == "reconnect"
    assert settings.deadlines.handshake_s == 0.5
    assert (settings.outbox.max_bytes, settings.outbox.flush_rate) == (65_536, 2.5)
    assert settings.hand_over.old_close_s == 0.01
    assert (settings.resumption.reseed_chars, settings.resumption.handle_ttl_s) == (256, 604_800)


def test_a_preset_sets_three_fields_and_no_more():
    base = settings_of(given(heartbeat={"audioIntervalMs": 250, "probeMs": 777, "intervalMs": 1}))
    settings = settings_of(given(heartbeat={"preset": "strict"}), base)

    assert settings.heartbeat == s.Heartbeat(
        interval_s=0.5, audio_interval_s=0.25, suspect_after_s=1, dead_after_s=1.5, probe_s=0.777
    )


def test_what_is_given_by_name_wins_over_the_preset():
    heartbeat = settings_of(given(heartbeat={"deadAfterMs": 9000, "preset": "strict"})).heartbeat

    assert (heartbeat.dead_after_s, heartbeat.suspect_after_s) == (9, 1)


def test_the_tolerant_preset_takes_the_strict_one_back():
    strict = settings_of(given(heartbeat={"preset": "strict"}))

    assert patch(strict, given(heartbeat={"preset": "tolerant"})) == s.Settings()


def test_the_handle_is_no_setting():
    assert settings_of(given(resumption={"handle": "h", "previousCloseAgeMs": 5})) == s.Settings()


def test_settings_that_contradict_each_other_are_refused_with_every_contradiction():
    found = problems_of(
        lambda: settings_of(
            given(heartbeat={"suspectAfterMs": 40_000}, reconnect={"backoff": "list"}, handOver={"leadMs": 1})
        )
    )

    assert [(f.field, f.problem) for f in found] == [
        ("settings.heartbeat.suspectAfterMs", "must not be over heartbeat.deadAfterMs"),
        ("settings.reconnect.backoff", "`list` needs reconnect.delaysMs"),
        ("settings.handOver.marginMs", "must not be over handOver.leadMs"),
    ]


# --- to the wire ----------------------------------------------------------------------------------


def test_all_settings_come_back_in_milliseconds():
    wire = msgspec.to_builtins(effective(s.Settings()))

    assert wire["heartbeat"] == {
        "intervalMs": 30_000,
        "audioIntervalMs": 500,
        "suspectAfterMs": 5000,
        "deadAfterMs": 35_000,
        "probeMs": 2000,
    }
    assert wire["resumption"] == {
        "enabled": True,
        "handleTtlMs": 7_200_000,
        "reseed": False,
        "reseedChars": 16_384,
    }
    for section in structs.fields(p.SessionSettings):
        told = wire[section.encode_name]
        absent = {f.encode_name for f in structs.fields(section.type)} - set(told)
        assert absent <= {"preset", "delaysMs", "handle", "previousCloseAgeMs"}
        assert all(type(value) is int for key, value in told.items() if key.endswith("Ms"))


def test_what_comes_back_means_the_same_when_it_is_given():
    settings = settings_of(
        given(
            heartbeat={"preset": "strict", "audioIntervalMs": 333},
            reconnect={"backoff": "list", "delaysMs": [1, 22, 333], "jitterRange": 0.25},
            outbox={"ringMs": 86_399_999},
        )
    )
    encoded = msgspec.json.encode(effective(settings))

    assert settings_of(msgspec.json.decode(encoded, type=p.SessionSettings)) == settings


def test_the_ring_is_told_as_it_is_kept():
    """It is never shorter than what a death found late would cost."""
    settings = settings_of(given(heartbeat={"deadAfterMs": 60_000}))

    assert effective(settings).outbox.ring_ms == 60_000 + 500 + 1000
    assert effective(s.Settings()).outbox.ring_ms == 45_000


def test_a_ring_that_was_not_given_follows_the_preset_back():
    long = settings_of(given(heartbeat={"deadAfterMs": 60_000}))

    assert effective(patch(long, given(heartbeat={"preset": "tolerant"}))).outbox.ring_ms == 45_000


# --- while it runs --------------------------------------------------------------------------------


def test_what_a_patch_leaves_out_stays():
    running = settings_of(given(reconnect={"maxAttempts": 9}, stall={"afterMs": 100}))
    patched = patch(running, given(stall={"action": "reconnect"}))

    assert (patched.reconnect.max_attempts, patched.stall.after_s, patched.stall.action) == (
        9,
        0.1,
        "reconnect",
    )


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("deadlines", "openMs", 30_001),
        ("resumption", "enabled", False),
        ("resumption", "handle", "canary-handle"),
        ("resumption", "previousCloseAgeMs", 0),
    ],
)
def test_what_is_fixed_is_refused(section, name, value):
    (problem,) = problems_of(lambda: patch(s.Settings(), given(**{section: {name: value}})))

    assert problem.field == f"settings.{section}.{name}"
    assert problem.problem.startswith("cannot change while the session runs: ")
    assert len(problem.problem) > 50
    assert "canary" not in repr(problem)


def test_fixed_settings_and_contradictions_are_told_together():
    found = problems_of(
        lambda: patch(
            s.Settings(),
            given(deadlines={"openMs": 1}, resumption={"enabled": False}, reconnect={"baseDelayMs": 30_001}),
        )
    )

    assert [f.field for f in found] == [
        "settings.deadlines.openMs",
        "settings.resumption.enabled",
        "settings.reconnect.baseDelayMs",
    ]


def test_every_fixed_setting_is_one():
    names = {
        f"{f.encode_name}.{inner.encode_name}"
        for f in structs.fields(p.SessionSettings)
        for inner in structs.fields(f.type)
    }

    assert set(p.FIXED_SETTINGS) <= names


def test_a_contradiction_with_what_runs_is_refused():
    running = settings_of(given(heartbeat={"suspectAfterMs": 3000}))

    assert problems_of(lambda: patch(running, given(heartbeat={"deadAfterMs": 2999})))
    assert patch(running, given(heartbeat={"deadAfterMs": 3000})).heartbeat.dead_after_s == 3


def test_what_is_absent_is_unset_on_the_wire():
    assert effective(s.Settings()).reconnect.delays_ms is UNSET
    assert effective(s.Settings()).resumption.handle is UNSET
