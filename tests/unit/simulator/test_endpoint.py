import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from sidecar.simulator.endpoint import api_key, api_version

PATH = "/ws/google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent"


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize("prefix", ["", "/"])
@pytest.mark.parametrize("query", ["", "?key=k"])
def test_the_service_answers_on_three_versions_with_one_slash_or_two(
    version: str, prefix: str, query: str
) -> None:
    assert api_version(Request(prefix + PATH.format(version) + query, Headers())) == version


@pytest.mark.parametrize(
    "path", ["/", PATH.format("v2"), PATH.format("v1") + "Constrained", "/x" + PATH.format("v1"), "///ws"]
)
def test_other_paths_are_not_the_service(path: str) -> None:
    assert api_version(Request(path, Headers())) is None


def test_the_key_is_in_the_header_or_in_the_query() -> None:
    path = PATH.format("v1")
    assert api_key(Request(path, Headers({"x-goog-api-key": "h"}))) == "h"
    assert api_key(Request(path + "?a=1&key=q%2B1", Headers())) == "q+1"
    assert api_key(Request("/" + path + "?key=q", Headers())) == "q"
    assert api_key(Request(path + "?key=", Headers())) is None
    assert api_key(Request(path, Headers())) is None
