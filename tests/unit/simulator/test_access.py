from sidecar.simulator.access import Access
from sidecar.simulator.credentials import Credential, Kind
from sidecar.simulator.endpoint import Endpoint, Family
from sidecar.simulator.ephemeral import EphemeralTokens
from sidecar.simulator.script import Script

VERTEX = Endpoint(Family.VERTEX, "v1")
CONSTRAINED = Endpoint(Family.DEVELOPER, "v1alpha", constrained=True)


def bearer(value: str) -> Credential:
    return Credential(Kind.BEARER, value)


def test_a_bearer_token_grows_old_from_the_moment_it_was_first_seen() -> None:
    access = Access(Script(token_lifetime_ms=3_600_000), EphemeralTokens())
    assert access.judge(VERTEX, bearer("a"), now_s=100).refusal is None
    assert access.judge(VERTEX, bearer("b"), now_s=3000).bearer_until_s == 6600
    assert access.judge(VERTEX, bearer("a"), now_s=3699).refusal is None
    refused = access.judge(VERTEX, bearer("a"), now_s=3700)
    assert refused.by_http
    assert refused.refusal is not None
    assert access.judge(VERTEX, bearer("b"), now_s=3700).refusal is None


def test_an_expired_ephemeral_token_is_told_at_once_and_others_carry_their_token() -> None:
    tokens = EphemeralTokens()
    access = Access(Script(), tokens)
    name = tokens.make(b"{}", "v1alpha", now_s=0)
    credential = Credential(Kind.EPHEMERAL, name, in_query=True)
    admission = access.judge(CONSTRAINED, credential, now_s=1799)
    assert (admission.refusal, admission.token) == (None, tokens.find(name))
    refusal = access.judge(CONSTRAINED, credential, now_s=1800).refusal
    assert refusal == (1011, "Token has expired")
