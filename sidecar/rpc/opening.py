"""The params of `session/open` as what a session is made of."""

from typing import Any

from msgspec import UNSET

from sidecar.live import auth, google, proxy
from sidecar.live.endpoints import VERSIONS, Endpoint, InvalidConfig, developer, vertex
from sidecar.live.setup import check_setup
from sidecar.live.tls import Tls
from sidecar.observe.secret import Secret
from sidecar.rpc import protocol as p
from sidecar.rpc.host import Host
from sidecar.rpc.settings import settings_of
from sidecar.rpc.tokens import HostTokens
from sidecar.session import Config


def config_of(params: p.OpenParams, host: Host) -> Config:
    """
    Raises:
        InvalidConfig: endpoint, credential, TLS, proxy or setup cannot be used.
    """
    endpoint = _endpoint(params.endpoint, params.setup)
    credential = _auth(params, host)
    credential.check(endpoint)
    resumption = params.settings.resumption
    age_ms = resumption.previous_close_age_ms
    config = Config(
        endpoint=endpoint,
        auth=credential,
        setup=params.setup,
        settings=settings_of(params.settings),
        handle=None if resumption.handle is UNSET else resumption.handle,
        previous_close_age_s=None if age_ms is UNSET else age_ms / 1000,
        max_frame_bytes=p.MAX_LINE_BYTES,
        checks=params.checks,
        name=params.session_id,
        tls=_tls(params.tls),
        proxy=_route(params.proxy),
    )
    config.tls.check(endpoint)
    config.proxy.check(endpoint, verify=config.tls.verify)
    check_setup(config.setup, config.terms)
    return config


def _endpoint(given: p.Endpoint, setup: dict[str, Any]) -> Endpoint:
    version = given.api_version or VERSIONS[given.family][0]
    if given.family == "vertex":
        location = given.location or _location_in(setup) or "global"
        return vertex(location, version, given.base_url or "")
    if given.location is not UNSET:
        raise InvalidConfig('endpoint.location is of Vertex AI; set endpoint.family to "vertex"')
    return developer(given.base_url, version) if given.base_url else developer(api_version=version)


def _tls(given: p.Tls) -> Tls:
    return Tls(
        ca_file=given.ca_file or "",
        ca_pem=given.ca_pem or "",
        min_version=given.min_version,
        server_name=given.server_name or "",
        verify=given.verify,
    )


def _route(given: p.ProxyChoice) -> proxy.Route:
    match given:
        case p.SystemProxy():
            return proxy.system(no_proxy=given.no_proxy)
        case p.DirectProxy():
            return proxy.direct()
        case p.ExplicitProxy():
            username = None if given.username is UNSET else Secret(given.username)
            password = None if given.password is UNSET else Secret(given.password)
            return proxy.through(given.url, username=username, password=password, no_proxy=given.no_proxy)


def _location_in(setup: dict[str, Any]) -> str:
    """Of "projects/{project}/locations/{location}/..."; "" in a name without one."""
    _, _, rest = str(setup.get("model", "")).partition("/locations/")
    return rest.partition("/")[0]


def _auth(params: p.OpenParams, host: Host) -> auth.Auth:
    given = params.auth
    match given:
        case p.ApiKeyAuth():
            return auth.ApiKey(Secret(given.api_key), in_query=given.send_as == "query")
        case p.EphemeralTokenAuth():
            return auth.EphemeralToken(Secret(given.token), in_header=given.send_as == "header")
        case p.BearerAuth():
            return auth.Bearer(Secret(given.token), quota_project=given.quota_project)
        case p.HostAuth():
            source = HostTokens(host, params.session_id, given.token_type, given.timeout_ms / 1000)
            return auth.Asked(source, given.token_type, quota_project=given.quota_project)
        case p.ServiceAccountAuth():
            key = None if given.key is UNSET else given.key
            file = None if given.key_file is UNSET else given.key_file
            return auth.Asked(google.service_account(key, file), quota_project=given.quota_project)
        case p.ApplicationDefaultAuth():
            return auth.Asked(google.application_default(), quota_project=given.quota_project)
