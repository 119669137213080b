import pytest

from sidecar.simulator.endpoint import Endpoint, Family, live_endpoint, tokens_version

DEVELOPER = "/ws/google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.{}.LlmBidiService/BidiGenerateContent"
PREFIXES = ["", "/", "/a/proxy", "/a/proxy/"]


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("query", ["", "?key=k", "?key=/ws/x"])
def test_the_developer_api_answers_on_three_versions_behind_any_prefix(
    version: str, prefix: str, query: str
) -> None:
    path = prefix + DEVELOPER.format(version)
    assert live_endpoint(path + query) == Endpoint(Family.DEVELOPER, version)
    assert live_endpoint(path + "Constrained" + query) == Endpoint(
        Family.DEVELOPER, version, constrained=True
    )


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_vertex_answers_on_two_versions_with_a_slash_before_the_method(version: str, prefix: str) -> None:
    assert live_endpoint(prefix + VERTEX.format(version)) == Endpoint(Family.VERTEX, version)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        DEVELOPER.format("v2"),
        DEVELOPER.format("v1") + "constrained",
        DEVELOPER.format("v1").replace(".Bidi", "/Bidi"),
        DEVELOPER.format("v1").removeprefix("/"),
        VERTEX.format("v1beta"),
        VERTEX.format("v1") + "Constrained",
        VERTEX.format("v1").replace("/Bidi", ".Bidi"),
        "///ws",
        "/?x=" + DEVELOPER.format("v1"),
    ],
)
def test_other_paths_are_not_the_service(path: str) -> None:
    assert live_endpoint(path) is None


def test_an_alias_is_one_more_path_of_vertex() -> None:
    assert live_endpoint("/custom?x=1", "/custom") == Endpoint(Family.VERTEX, "v1beta1")
    assert live_endpoint("/custom/", "/custom") is None
    assert live_endpoint("/custom") is None


@pytest.mark.parametrize("prefix", PREFIXES)
def test_tokens_are_made_on_two_versions(prefix: str) -> None:
    assert tokens_version(prefix + "/v1alpha/auth_tokens") == "v1alpha"
    assert tokens_version(prefix + "/v1beta/auth_tokens?key=k") == "v1beta"
    assert tokens_version(prefix + "/v1/auth_tokens") is None
    assert tokens_version(prefix + "/v1beta/models") is None
