"""wss to a simulator that hangs up in the TLS handshake without a word: what is told then (docs/network.md)."""

import pytest

from sidecar.lifecycle import events as ev
from sidecar.live.tls import Tls
from sidecar.simulator import Simulator


@pytest.mark.parametrize(
    "options",
    [{}, {"tls": "trusted", "tls_max_version": "1.2"}],
    ids=["no TLS", "none as new"],
)
async def test_who_hangs_up_in_the_handshake_is_tried_again_and_the_advice_names_the_reasons(talks, options):
    async with Simulator(**options) as sim:
        url = f"wss://127.0.0.1:{sim.url.rsplit(':', 1)[1]}"
        talk = talks(url, tls=Tls(ca_file=str(sim.ca_path) if options else "", min_version="1.3"))
        talk.session.start()
        fault = (await talk.told(ev.Failure)).fault
        await talk.session.close()
    assert (fault.kind, fault.retryable) == ("tlsError", True)
    assert "hung up in the middle of the TLS handshake" in fault.message
    for advice in (
        "endpoint.baseUrl: ws or wss",
        "speaks no TLS on that port",
        "`tls.minVersion`",
        "firewall",
    ):
        assert advice in fault.remediation
