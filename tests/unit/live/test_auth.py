"""What an upgrade request carries, and when a token is asked for anew."""

import pytest

from sidecar.lifecycle.faults import Cause, Layer
from sidecar.live.auth import (
    MAX_CHARS,
    RENEW_BEFORE_S,
    ApiKey,
    Asked,
    Auth,
    Bearer,
    EphemeralToken,
    NoCredential,
    Token,
)
from sidecar.live.endpoints import InvalidConfig, developer, vertex
from sidecar.observe.secret import Secret

KEY = "AIza-not-a-key"
EPHEMERAL = "auth_tokens/0f1e+2"


@pytest.mark.parametrize(
    ("auth", "headers", "query", "constrained"),
    [
        (ApiKey(Secret(KEY)), {"x-goog-api-key": KEY}, "", False),
        (ApiKey(Secret("a/b+c"), in_query=True), {}, "key=a%2Fb%2Bc", False),
        (EphemeralToken(Secret(EPHEMERAL)), {}, "access_token=auth_tokens/0f1e%2B2", True),
        (EphemeralToken(Secret(EPHEMERAL), in_header=True), {"Authorization": f"Token {EPHEMERAL}"}, "", True),
        (Bearer(Secret("ya29.t")), {"Authorization": "Bearer ya29.t"}, "", False),
        (Bearer(Secret("ya29.t"), quota_project="p1"), {"Authorization": "Bearer ya29.t", "x-goog-user-project": "p1"}, "", False),
    ],
)  # fmt: skip
async def test_every_form_of_a_credential(
    auth: Auth, headers: dict[str, str], query: str, constrained: bool
) -> None:
    credential = await auth.credential()
    assert (credential.headers, credential.query, credential.constrained) == (headers, query, constrained)
    assert not auth.renewable
    assert auth.secrets == (credential.secret,)
    assert repr(credential) == "Credential(<secret>)"


@pytest.mark.parametrize("text", ["", "key\n", "two words", "schlüssel", "k\x00", "x" * (MAX_CHARS + 1)])
def test_what_cannot_stand_in_a_header_is_refused_without_being_shown(text: str) -> None:
    for make in (ApiKey, Bearer, EphemeralToken):
        with pytest.raises(InvalidConfig, match=r"auth\.") as refused:
            make(Secret(text))
        assert not text or text not in str(refused.value)


def test_an_ephemeral_token_is_known_by_its_name() -> None:
    with pytest.raises(InvalidConfig, match="auth_tokens/"):
        EphemeralToken(Secret("0f1e2"))


def test_each_service_takes_its_own_kinds() -> None:
    for auth in (
        EphemeralToken(Secret(EPHEMERAL)),
        ApiKey(Secret(KEY), in_query=True),
        Asked(Tokens(), "ephemeralToken"),
    ):
        auth.check(developer())
        with pytest.raises(InvalidConfig, match="Developer API"):
            auth.check(vertex())
    for auth in (ApiKey(Secret(KEY)), Bearer(Secret("ya29.t")), Asked(Tokens())):
        auth.check(developer())
        auth.check(vertex())


# --- tokens that are asked for --------------------------------------------------------------------


class Tokens:
    """A source that counts. `ends_at`: of those it will give."""

    secrets = ()

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.ends_at: float | None = None
        self.down = False

    async def token(self, reason: str) -> Token:
        self.reasons.append(reason)
        if self.down:
            raise NoCredential(Cause(Layer.LOCAL, "tokenTimeout", "nobody there"))
        self.last = Secret(f"token-{len(self.reasons)}")
        return Token(self.last, self.ends_at)


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def shown(auth: Auth, *, refused: Secret | None = None) -> str:
    if refused is not None:
        auth.refused(refused)
    return (await auth.credential()).secret.reveal()


async def test_a_token_is_kept_until_it_is_about_to_expire() -> None:
    source, clock = Tokens(), Clock()
    source.ends_at = clock.now + 3600
    auth = Asked(source, clock=clock)
    assert auth.renewable
    assert [await shown(auth), await shown(auth)] == ["token-1", "token-1"]
    clock.now += 3600 - RENEW_BEFORE_S
    assert await shown(auth) == "token-1"
    clock.now += 1
    assert await shown(auth) == "token-2"
    assert source.reasons == ["open", "expired"]


async def test_a_token_without_an_end_is_kept_until_it_is_refused() -> None:
    source, clock = Tokens(), Clock()
    auth = Asked(source, clock=clock)
    await shown(auth)
    clock.now += 1e6
    assert await shown(auth) == "token-1"
    assert await shown(auth, refused=source.last) == "token-2"
    assert await shown(auth) == "token-2"
    assert source.reasons == ["open", "refused"]


@pytest.mark.parametrize(
    ("life_s", "later_s", "reason"),
    [(3600, 3600, "expired"), (3600, 3599, "refused"), (-5, 0, "refused"), (-5, 60, "refused")],
)
async def test_a_refusal_of_what_had_run_out_meanwhile_is_no_refusal(
    life_s: float, later_s: float, reason: str
) -> None:
    """What had ended already when it came would come again, if its source were told that it expired."""
    source, clock = Tokens(), Clock()
    source.ends_at = clock.now + life_s
    auth = Asked(source, clock=clock)
    await shown(auth)
    clock.now += later_s
    await shown(auth, refused=source.last)
    assert source.reasons == ["open", reason]


async def test_a_token_that_has_ended_is_tried_and_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    source, clock = Tokens(), Clock()
    source.ends_at = clock.now - 90
    assert await shown(Asked(source, clock=clock)) == "token-1"
    assert "had ended 90 s ago, by this computer's clock" in caplog.text


async def test_a_refusal_of_an_old_token_says_nothing_of_the_newer_one() -> None:
    source, clock = Tokens(), Clock()
    source.ends_at = clock.now + 3600
    auth = Asked(source, clock=clock)
    await shown(auth)
    old = source.last
    clock.now += 3600 - 10
    source.ends_at = None
    assert await shown(auth) == "token-2"
    auth.refused(old)
    assert await shown(auth) == "token-2"
    assert source.reasons == ["open", "expired"]


async def test_a_token_that_ends_before_a_later_connection_is_lacking_then() -> None:
    source, clock = Tokens(), Clock()
    source.ends_at = clock.now + 100
    auth = Asked(source, clock=clock)
    await shown(auth)
    assert not auth.lacks()
    assert not auth.lacks(100 - RENEW_BEFORE_S)
    assert auth.lacks(100 - RENEW_BEFORE_S + 1)
    assert (await auth.credential()).secret is source.last
    source.ends_at = clock.now + 1000
    assert (await auth.credential(60)).secret.reveal() == "token-2"
    assert not auth.lacks(60)


async def test_a_source_that_fails_is_asked_again_for_the_same_reason() -> None:
    source = Tokens()
    auth = Asked(source)
    await shown(auth)
    source.down = True
    for _ in range(2):
        with pytest.raises(NoCredential) as failed:
            await shown(auth, refused=source.last)
        assert failed.value.cause.code == "tokenTimeout"
    source.down = False
    assert await shown(auth) == "token-4"
    assert await shown(auth) == "token-4"
    assert source.reasons == ["open", "refused", "refused", "refused"]


async def test_the_form_goes_by_the_type() -> None:
    class Given(Tokens):
        async def token(self, reason: str) -> Token:
            return Token(Secret(EPHEMERAL))

    credential = await Asked(Given(), "ephemeralToken").credential()
    assert (credential.constrained, credential.headers) == (True, {})
    billed = await Asked(Tokens(), quota_project="p1").credential()
    assert billed.headers == {"Authorization": "Bearer token-1", "x-goog-user-project": "p1"}
