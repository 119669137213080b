"""The pages made from the tables of the lifecycle: settings, errors, and the life of a session."""

import importlib
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from msgspec import structs

from sidecar.lifecycle import settings as lifecycle_settings
from sidecar.lifecycle.faults import ROWS, Action
from sidecar.lifecycle.health import health
from sidecar.lifecycle.reasons import REASONS
from sidecar.lifecycle.states import TRANSITIONS
from sidecar.rpc import protocol
from sidecar.session.logged import LOGGED

BUILD = Path(__file__).resolve().parents[3] / "build"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of `build/` by name."""

    def load(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(BUILD))
        return importlib.import_module(name)

    return load


# --- settings -------------------------------------------------------------------------------------


def test_the_settings_page_has_a_row_for_every_setting(module: Any) -> None:
    text: str = module("settings_writer").write()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    for section in structs.fields(protocol.SessionSettings):
        (own,) = [part for part in sections if part.startswith(section.encode_name + "\n")]
        rows = re.findall(r"^\| `(\w+)`", own, flags=re.MULTILINE)
        assert rows == [field.encode_name for field in structs.fields(section.type)]


@pytest.mark.parametrize(
    "row",
    [
        "| `intervalMs` | whole number | 1 to 86400000 | `30000` | at once | ",
        "| `preset` | word | `strict`, `tolerant` | `tolerant` | at once | ",
        "| `factor` | number | 1 to 10 | `2` | from the next decision | ",
        "| `delaysMs` | list of whole numbers | 1 to 100 entries, each from 0 | none | from the next decision | ",
        "| `recycleAfterMs` | whole number | 60000 to 86400000 | `3300000` (55 min) | at once | ",
        "| `openMs` | whole number | 1 to 86400000 | `30000` | fixed: it rules `session/open` alone",
        "| `reseed` | boolean | `true`, `false` | `false` | from the next attempt | ",
        "| `handle` | string | 1 to 16384 characters | none | fixed: ",
    ],
)
def test_a_row_says_type_range_default_and_from_when_it_rules(module: Any, row: str) -> None:
    assert f"\n{row}" in module("settings_writer").write()


def test_a_setting_that_rules_from_nowhen_is_refused(module: Any) -> None:
    with pytest.raises(KeyError):
        module("settings_writer").changeable("newSection.newMs")


def test_what_overrides_its_section_is_a_setting(module: Any) -> None:
    known = {
        f"{section.encode_name}.{field.encode_name}"
        for section in structs.fields(protocol.SessionSettings)
        for field in structs.fields(section.type)
    }
    assert {name for name in module("settings_writer").RULES_FROM if "." in name} <= known


def test_the_examples_of_the_settings_page_are_what_the_sidecar_answers(module: Any) -> None:
    writer = module("settings_writer")
    (taken, result), (_, wrong), (_, contradiction) = writer.conversation()
    told = msgspec.convert(result["result"], protocol.ConfigureResult).settings
    assert (told.heartbeat.dead_after_ms, told.reconnect.max_attempts) == (1500, 10)
    assert taken["params"]["settings"]["heartbeat"] == {"preset": "strict"}
    assert [problem["field"] for problem in wrong["error"]["data"]["problems"]] == [
        "settings.reconnect.factor",
        "settings.reconnect.maxAttemps",
        "settings.stall.action",
    ]
    assert [problem["field"] for problem in contradiction["error"]["data"]["problems"]] == [
        "settings.deadlines.openMs",
        "settings.heartbeat.suspectAfterMs",
    ]
    shown = [line[2:] for line in writer.write().splitlines() if line.startswith(("> ", "< "))]
    assert [json.loads(line) for line in shown] == [
        message for pair in writer.conversation() for message in pair
    ]


def test_the_settings_page_tells_every_rule_between_settings(module: Any) -> None:
    told = module("settings_writer").write().partition("## Rules between settings")[2].partition("\n## ")[0]
    bullets = [line for line in told.splitlines() if line.startswith("- ")]
    rules = [text for _, text in lifecycle_settings._rules(lifecycle_settings.Settings())]
    assert len(bullets) == len(rules)
    for bullet, rule in zip(bullets, rules, strict=True):
        assert set(re.findall(r"\w+\.\w+Ms", rule)) == set(re.findall(r"\w+\.\w+Ms", bullet))


# --- errors ---------------------------------------------------------------------------------------


def test_the_error_page_has_a_row_for_every_row_of_the_table(module: Any) -> None:
    text: str = module("errors_writer").write()
    for row in ROWS:
        assert f"| `{row.kind}` | " in text
        assert f"| {row.severity.value} | {row.user_message} | {row.remediation}" in text
    cells = [line.split(" | ") for line in text.splitlines() if len(line.split(" | ")) == 7]
    assert len([c for c in cells if c[0].startswith("| `")]) == len(ROWS)


@pytest.mark.parametrize(
    "row",
    [
        "| `handleInvalid` | 1007, “session handle” | `fresh` | yes | warn | ",
        "| `setupInvalid` | 1007, any other text | `fresh` | yes | error | ",
        "| `lineLost` | 1006 | `resume` | yes | warn | ",
        "| `connectionRefused` | the connection was refused | `retry` | no | warn | ",
        "| `setupTimeout` | no setupComplete within `deadlines.setupMs` | `retry` | yes | warn | ",
        "| `redirected` | any 3xx | `stop` | yes | error | ",
        "| `quotaExceeded` | 429 | `slowDown` | yes | warn | ",
    ],
)
def test_a_row_says_when_what_and_whether_it_counts(module: Any, row: str) -> None:
    assert f"\n{row}" in module("errors_writer").write()


def test_a_local_event_without_words_is_refused(module: Any) -> None:
    row = next(row for row in ROWS if row.code == "silence")._replace(code="brandNew")
    with pytest.raises(ValueError, match="brandNew"):
        module("errors_writer").when(row)


def test_every_action_is_explained(module: Any) -> None:
    text: str = module("errors_writer").write()
    for action in Action:
        assert re.search(rf"^\| `{action}` \| \w.{{30,}} \|$", text, flags=re.MULTILINE), action


def test_the_error_page_lists_exactly_what_is_logged(module: Any) -> None:
    listed = module("errors_writer").write().partition("## What is logged")[2]
    rows = re.findall(r"^\| ([A-Z].*) \| (.*) \|$", listed, flags=re.MULTILINE)
    assert rows == [(row.when, row.levels) for row in LOGGED.values()]
    assert ("Accepted messages were dropped", "warn") in rows


# --- lifecycle ------------------------------------------------------------------------------------


def test_the_lifecycle_page_shows_every_transition_and_no_other(module: Any) -> None:
    text: str = module("lifecycle_writer").write()
    rows = re.findall(r"^\| `([a-z/]+)` \| `(\w+)` \| `([a-z/]+)` \|$", text, flags=re.MULTILINE)
    assert len(rows) == len(set(rows)) == sum(map(len, TRANSITIONS.values()))
    assert ("connected/suspect", "heard", "connected/active") in rows
    assert ("disconnecting", "closed", "disconnected") in rows


def test_the_diagram_shows_the_states(module: Any) -> None:
    text: str = module("lifecycle_writer").write()
    diagram = text.partition("```mermaid\n")[2].partition("```")[0].splitlines()
    assert diagram[0] == "stateDiagram-v2"
    assert "    disconnected --> connecting: open" in diagram
    assert "    suspended --> reconnecting: revive" in diagram
    assert not [line for line in diagram if "connected --> connected" in line]


def test_the_formula_of_the_page_is_the_one_that_rules(module: Any) -> None:
    text: str = module("lifecycle_writer").write()
    weights = {name: int(points) for points, name in re.findall(r"- (\d+) x (\w+)", text)}
    assert health(2.0, 0, 5, 0).score == 100 - weights["slowness"]
    assert health(0.1, 5, 5, 0).score == 100 - weights["silence"]
    assert health(0.1, 0, 5, 1).score == 100 - weights["cuts"]
    words = {word: int(score) for word, score in re.findall(r"`(\w+)` from (\d+)", text)}
    assert set(words) == {"excellent", "good"}
    for word, score in words.items():
        silence = (100 - score) / weights["silence"]
        assert health(0, silence * 5, 5, 0).quality == word
        assert health(0, (silence + 0.02) * 5, 5, 0).quality != word


def test_every_reason_is_explained(module: Any) -> None:
    text: str = module("lifecycle_writer").write()
    for reason, meaning in REASONS.items():
        assert f"| `{reason}` | {meaning} |" in text


def test_nothing_is_left_of_the_template(module: Any) -> None:
    text: str = module("lifecycle_writer").write()
    assert "{{" not in text
    assert "[[" not in text


@pytest.mark.parametrize(
    ("template", "page"),
    [
        ("{{heartbeat.intervalMs}}", "30 s"),
        ("{{strict.intervalMs}}", "500 ms"),
        ("{{reconnect.maxElapsedMs}}", "10 min"),
        ("{{resumption.handleTtlMs}}", "2 h"),
        ("{{reconnect.maxAttempts}} {{reconnect.factor}}", "5 2"),
        ("{{dialsPerHost}}", "8"),
    ],
)
def test_a_number_comes_from_the_code(module: Any, template: str, page: str) -> None:
    assert module("lifecycle_writer").write(template) == page


@pytest.mark.parametrize("template", ["{{heartbeat.intervalS}}", "{{nothing.atAll}}", "[[nothing]]"])
def test_a_name_that_is_not_known_is_refused(module: Any, template: str) -> None:
    with pytest.raises(KeyError):
        module("lifecycle_writer").write(template)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 ms"), (250, "250 ms"), (1500, "1.5 s"), (60_000, "60 s"), (120_000, "2 min"), (90_000, "90 s"), (7_200_000, "2 h"), (3_300_000, "55 min")],
)  # fmt: skip
def test_a_time_is_told_in_a_unit_in_which_it_is_short(module: Any, ms: int, text: str) -> None:
    assert module("tables").span(ms) == text
