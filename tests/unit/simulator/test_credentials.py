import pytest
from websockets.datastructures import Headers

from sidecar.simulator.credentials import Credential, Kind, read_credential

PATH = "/ws/service"


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", {}, Credential(Kind.NONE)),
        ("?key=", {"x-goog-api-key": ""}, Credential(Kind.NONE)),
        ("", {"x-goog-api-key": "k"}, Credential(Kind.KEY, "k")),
        ("?a=1&key=q%2B1", {}, Credential(Kind.KEY, "q+1", in_query=True)),
        ("?access_token=auth_tokens/t", {}, Credential(Kind.EPHEMERAL, "auth_tokens/t", in_query=True)),
        ("?access_token=auth_tokens%2Ft", {}, Credential(Kind.EPHEMERAL, "auth_tokens/t", in_query=True)),
        ("", {"Authorization": "Token auth_tokens/t"}, Credential(Kind.EPHEMERAL, "auth_tokens/t")),
        ("", {"Authorization": "bearer  ya29.x"}, Credential(Kind.BEARER, "ya29.x")),
        ("?access_token=ya29.x", {}, Credential(Kind.BEARER, "ya29.x", in_query=True)),
        ("", {"Authorization": "Basic eDp5"}, Credential(Kind.NONE)),
        # As Google's Python client sends a token: as the key, too.
        (
            "",
            {"Authorization": "Token auth_tokens/t", "x-goog-api-key": "auth_tokens/t"},
            Credential(Kind.EPHEMERAL, "auth_tokens/t"),
        ),
        ("", {"Authorization": "Bearer b", "x-goog-api-key": "k"}, Credential(Kind.BEARER, "b")),
    ],
)
def test_every_form_is_read(query: str, headers: dict[str, str], expected: Credential) -> None:
    assert read_credential(PATH + query, Headers(headers)) == expected
    assert read_credential("/" + PATH + query, Headers(headers)) == expected


def test_a_credential_is_not_in_its_repr() -> None:
    assert "secret" not in repr(Credential(Kind.KEY, "secret-key"))
