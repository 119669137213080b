"""What went wrong and what to do: the rows of LP section 5 by their observed texts."""

import pytest

from sidecar.lifecycle.faults import Action, Cause, Layer, classify

WS, HTTP = Layer.WEBSOCKET, Layer.HTTP


@pytest.mark.parametrize(
    ("code", "reason", "kind", "action"),
    [
        (1000, "", "closedByService", "resume"),
        (1000, "The operation was cancelled", "closedByService", "resume"),
        (1001, "", "goingAway", "resume"),
        (1006, "", "lineLost", "resume"),
        (1007, "API key not valid. Please pass a valid API key.", "authentication", "stop"),
        (1007, "API key expired. Please renew the API key.", "authentication", "stop"),
        (1007, "User location is not supported for the API use.", "regionBlocked", "stop"),
        (1007, "Request contains an invalid argument.", "invalidArgument", "fresh"),
        (1007, "setup must be the first message and only the first", "protocolViolation", "stop"),
        (1007, "Invalid session handle", "handleInvalid", "fresh"),
        (1007, "Invalid JSON payload received. Unknown name \"x\" at 'setup': Cannot find field.", "setupInvalid", "stop"),
        (1008, "Connection aborted because the client failed to close the connection after receiving a GoAway signal once the session durat", "goAwayOverrun", "resume"),
        (1008, "The operation was aborted.", "aborted", "resume"),
        (1008, "BidiGenerateContent session not found", "handleExpired", "fresh"),
        (1008, "Requested entity was not found.", "handleExpired", "fresh"),
        (1008, "models/X is not found for API version v1beta, or is not supported for bidiGenerateContent. Call Li", "modelUnavailable", "stop"),
        (1008, "Your project has been denied access. Please contact support.", "accessDenied", "stop"),
        (1011, "Internal error encountered.", "serviceError", "resume"),
        (1011, "Deadline expired before operation could complete.", "deadlineExpired", "resume"),
        (1011, "The service is currently unavailable.", "serviceUnavailable", "resume"),
        (1011, "You exceeded your current quota, please check your plan and billing details", "quotaExceeded", "slowDown"),
        (1011, "Resource has been exhausted (e.g. check quota).", "quotaExceeded", "slowDown"),
        (1011, "Your prepayment credits are depleted. Please go to AI Studio", "billing", "stop"),
        (1011, "Token has been used too many times", "tokenSpent", "refreshToken"),
        (4999, "whatever", "closedByService", "resume"),
    ],
)  # fmt: skip
def test_a_close_by_the_service_is_told_by_code_and_text(
    code: int, reason: str, kind: str, action: str
) -> None:
    fault = classify(Cause(WS, code, reason))
    assert (fault.kind, fault.action.value, fault.ws_code, fault.reached) == (kind, action, code, True)
    assert reason in fault.message


@pytest.mark.parametrize(
    ("status", "kind", "action"),
    [
        (301, "redirected", "stop"), (401, "authentication", "refreshToken"), (403, "accessDenied", "stop"),
        (404, "endpointNotFound", "stop"), (418, "handshakeRefused", "stop"), (429, "quotaExceeded", "slowDown"),
        (500, "serviceUnavailable", "retry"), (503, "serviceUnavailable", "retry"),
    ],
)  # fmt: skip
def test_a_refused_upgrade_is_told_by_its_status(status: int, kind: str, action: str) -> None:
    fault = classify(Cause(HTTP, status, "", retry_after_s=7.0))
    assert (fault.kind, fault.action.value, fault.http_status, fault.retry_after_s) == (
        kind,
        action,
        status,
        7.0,
    )
    assert fault.reached


@pytest.mark.parametrize(
    ("layer", "code", "kind"),
    [
        (Layer.DNS, "notFound", "dnsError"), (Layer.TCP, "refused", "connectionRefused"),
        (Layer.TCP, "timeout", "connectTimeout"), (Layer.TLS, "error", "tlsError"),
        (Layer.HTTP, "timeout", "handshakeTimeout"), (Layer.HTTP, "dropped", "handshakeDropped"),
    ],
)  # fmt: skip
def test_what_never_reached_the_service_is_retried_and_does_not_count(
    layer: Layer, code: str, kind: str
) -> None:
    fault = classify(Cause(layer, code))
    assert (fault.kind, fault.reached, fault.retryable) == (kind, False, True)


def test_a_certificate_that_does_not_verify_is_permanent_and_says_which_check_failed() -> None:
    fault = classify(Cause(Layer.TLS, "expired", "certificate has expired"))
    assert fault.action is Action.STOP
    assert "expired" in fault.message


@pytest.mark.parametrize(
    ("code", "kind", "action"),
    [
        (407, "proxyAuthenticationRequired", "stop"), ("authentication", "proxyAuthenticationRequired", "stop"),
        (403, "proxyRefused", "stop"), (400, "proxyRefused", "stop"), ("notAllowed", "proxyRefused", "stop"),
        (408, "proxyUnavailable", "retry"), (425, "proxyUnavailable", "retry"), (429, "proxyUnavailable", "retry"),
        (500, "proxyUnavailable", "retry"), (503, "proxyUnavailable", "retry"), ("noWay", "proxyUnavailable", "retry"),
        ("noAnswer", "proxyTimeout", "retry"), ("timeout", "proxyUnreachable", "retry"),
        ("notFound", "proxyUnreachable", "retry"), ("refused", "proxyUnreachable", "retry"),
        ("certificate", "proxyCertificateInvalid", "stop"), ("unusable", "proxyUnusable", "stop"),
        ("invalid", "proxyError", "retry"), ("dropped", "proxyError", "retry"), (302, "proxyError", "retry"),
    ],
)  # fmt: skip
def test_what_a_proxy_says_is_not_taken_for_the_services_word(
    code: int | str, kind: str, action: str
) -> None:
    fault = classify(Cause(Layer.PROXY, code, "proxy.test:3128: words", retry_after_s=7.0))
    assert (fault.kind, fault.action.value, fault.reached) == (kind, action, False)
    assert (fault.http_status, fault.retry_after_s) == (None, 7.0)
    assert "proxy.test:3128: words" in fault.message


@pytest.mark.parametrize("layer", list(Layer))
def test_every_layer_has_an_answer_for_what_nobody_foresaw_with_words_for_a_person(layer: Layer) -> None:
    fault = classify(Cause(layer, "neverSeen", "strange"))
    assert fault.kind
    assert fault.user_message.endswith(".")
    assert fault.retryable
