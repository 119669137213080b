"""Where the Developer API answers, and how a client shows its key (LP 1.1, 1.2)."""

import re
from urllib.parse import parse_qs, urlsplit

from websockets.http11 import Request

# SDK paths begin with two slashes when a base URL is set; the service accepts both.
_PATH = re.compile(
    r"//?ws/google\.ai\.generativelanguage\.(v1|v1beta|v1alpha)\.GenerativeService\.BidiGenerateContent"
)


def api_version(request: Request) -> str | None:
    """The API version in the path, or None when the path is not the service's."""
    match = _PATH.fullmatch(request.path.partition("?")[0])
    return match[1] if match else None


def api_key(request: Request) -> str | None:
    """The key from the header or from the query."""
    header = request.headers.get_all("x-goog-api-key")
    if header and header[0]:
        return header[0]
    values = parse_qs(urlsplit(request.path.lstrip("/")).query).get("key")
    return values[0] if values else None
