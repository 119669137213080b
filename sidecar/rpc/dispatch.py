"""Routing by `jsonrpcserver`, fenced here and nowhere else.

It gets one call at a time, already checked, and methods that take the raw params; so its known faults
cannot show: no batch, no schema validation, no exception text on the wire, no reliance on `assert`
for what we return. Its import costs about 100 ms, so it is loaded after `initialize` was answered.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sidecar.rpc.errors import Further, RpcError, invalid_params

log = logging.getLogger(__name__)

Handler = Callable[[Any], Any]
"""Takes the decoded params; returns the result, or an awaitable of it when it takes time.

Raises:
    RpcError: to answer with an error.
"""


class Route(msgspec.Struct, frozen=True):
    """A method: how its params are read, and who carries it out. `further` knows what else is wrong in params
    that do not fit."""

    decoder: msgspec.json.Decoder[Any]
    handler: Handler
    further: Further | None = None


class Dispatcher:
    """Methods by name."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes = routes
        self._library: Any = None
        self._methods: dict[str, Callable[..., Any]] = {}

    def load(self) -> None:
        """Import the library. Idempotent; called off the loop after `initialize`, and by the first call."""
        if self._library is None:
            import jsonrpcserver

            self._methods = {name: self._adapt(jsonrpcserver, route) for name, route in self._routes.items()}
            self._library = jsonrpcserver

    def dispatch(self, method: str, params: bytes) -> Any:
        """Carry out one call; returns its result, or an awaitable of it.

        Raises:
            RpcError: unknown method, params that do not fit, or what the handler answered.
        """
        self.load()
        response = self._library.dispatch_to_response(
            {"method": method, "params": [params], "id": 0},
            self._methods,
            deserializer=_as_it_is,
            validator=_as_it_is,
            post_process=_as_it_is,
        )
        return self._outcome(method, getattr(response, "_value", None) or response._error)

    def _outcome(self, method: str, response: Any) -> Any:
        result = getattr(response, "result", None)
        if isinstance(result, _Outcome):
            if result.error is not None:
                raise result.error
            return result.value
        if response.code == self._library.codes.ERROR_METHOD_NOT_FOUND:
            raise RpcError("methodNotFound", f"there is no method {method[:100]!r}")
        raise RpcError("internalError", "the call could not be routed")

    @staticmethod
    def _adapt(library: Any, route: Route) -> Callable[[bytes], Any]:
        """The library's form of a method: one argument, an explicit Success, and never an exception."""

        def method(params: bytes) -> Any:
            return library.Success(_Outcome.of(route, params))

        return method


class _Outcome:
    """Result or error, carried through the library untouched."""

    __slots__ = ("error", "value")

    def __init__(self, value: Any = None, error: RpcError | None = None) -> None:
        self.value = value
        self.error = error

    @classmethod
    def of(cls, route: Route, params: bytes) -> "_Outcome":
        try:
            try:
                decoded = route.decoder.decode(params)
            except msgspec.ValidationError:
                return cls(error=invalid_params(route.decoder.type, params, route.further))
            return cls(route.handler(decoded))
        except RpcError as exc:
            return cls(error=exc)
        except RecursionError:
            return cls(error=RpcError("invalidParams", "the params are nested too deeply"))
        except Exception:
            log.exception("a method failed by a defect")
            return cls(error=RpcError("internalError", "a defect of the sidecar; its log has the details"))


def _as_it_is(value: Any) -> Any:
    return value
