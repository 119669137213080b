"""The proxy that the system names: in the environment, else in the settings of Windows or macOS.

A script that chooses the proxy (PAC) is not run. An Electron app can ask `session.resolveProxy`, and give
the answer to `session/open`; see docs/network.md.
"""

import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

from sidecar.live.no_proxy import SIMPLE, Rule, rules_of_system

VARIABLES = ("https_proxy", "all_proxy")
"""The first that is set names the proxy. One in small letters goes before one in capitals, and an empty one
hides it, as with `urllib`."""


class SystemProxy(NamedTuple):
    """The proxy's URL, or "" for none, and what is reached without it. The URL may hold credentials."""

    url: str
    without: tuple[Rule, ...] = ()

    def __repr__(self) -> str:
        return f"SystemProxy(url={'<secret>' if self.url else ''!r})"


def system_proxy(environment: Mapping[str, str] | None = None) -> SystemProxy:
    """As it is now, for a TLS connection. Nothing is looked up in a network for this.

    Args:
        environment: in place of the process's; then the system's settings are not asked.
    """
    found = from_environment(os.environ if environment is None else environment)
    return found if found.url or environment is not None else _from_settings()


def from_environment(environment: Mapping[str, str]) -> SystemProxy:
    """From HTTPS_PROXY, ALL_PROXY and NO_PROXY."""
    url = next(filter(None, (_variable(environment, name) for name in VARIABLES)), "")
    return SystemProxy(url, rules_of_system(_variable(environment, "no_proxy")))


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, environment.get(name.upper(), "")).strip()


def from_windows(proxies: Mapping[str, str], override: str) -> SystemProxy:
    """From `urllib.request.getproxies()` and the registry's value ProxyOverride."""
    return SystemProxy(proxies.get("https") or proxies.get("socks") or "", rules_of_system(override))


def from_macos(settings: Mapping[str, object], proxies: Mapping[str, str]) -> SystemProxy:
    """From what `urllib.request` asks macOS for, and `getproxies()`. A SOCKS proxy stands there as http."""
    socks = proxies.get("socks", "").replace("http://", "socks5h://", 1)
    exceptions = settings.get("exceptions")
    without = " ".join(str(entry) for entry in exceptions if entry) if isinstance(exceptions, tuple) else ""
    if settings.get("exclude_simple"):
        without += f" {SIMPLE}"
    return SystemProxy(proxies.get("https") or socks, rules_of_system(without))


if sys.platform == "win32":

    def _from_settings() -> SystemProxy:
        import urllib.request
        import winreg

        path = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:
                override = str(winreg.QueryValueEx(key, "ProxyOverride")[0])
        except OSError:
            override = ""
        return from_windows(urllib.request.getproxies(), override)

elif sys.platform == "darwin":

    def _from_settings() -> SystemProxy:
        import _scproxy  # type: ignore[import-not-found]
        import urllib.request

        return from_macos(_scproxy._get_proxy_settings(), urllib.request.getproxies())

else:

    def _from_settings() -> SystemProxy:
        return SystemProxy("")
