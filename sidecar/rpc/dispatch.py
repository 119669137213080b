"""Routing by `jsonrpcserver`, fenced here and nowhere else.

It gets one call at a time, already checked, and methods that take the raw params; so its known faults
cannot show: no batch, no schema validation, no exception text on the wire, no reliance on `assert`
for what we return. Its import takes a while, so it is loaded after `initialize` was answered.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
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


_loading = threading.Lock()


def library() -> Any:
    """jsonrpcserver. Called in a thread after `initialize`, and by whoever needs it earlier."""
    with _loading, _no_schemas():
        import jsonrpcserver

    return jsonrpcserver


@contextmanager
def _no_schemas() -> Iterator[None]:
    """Spares the import of jsonschema, which takes longer than the library itself and holds 5 MB.

    The library makes a validator of requests when it is imported. It is never asked here: the envelope has
    checked every call before.
    """
    name = "jsonschema.validators"
    if name in sys.modules or "jsonrpcserver" in sys.modules:
        yield
        return
    stand_in: Any = ModuleType(name)
    stand_in.validator_for = lambda _: _NoValidator
    before = sys.modules.get("jsonschema")
    sys.modules |= {"jsonschema": ModuleType("jsonschema"), name: stand_in}
    try:
        yield
    finally:
        del sys.modules[name], sys.modules["jsonschema"]
        if before is not None:
            sys.modules["jsonschema"] = before


class _NoValidator:
    """Has what the library touches when it is imported."""

    def __init__(self, _: object) -> None:
        pass

    @staticmethod
    def check_schema(_: object) -> None:
        pass

    def validate(self, _: object) -> None:
        raise NotImplementedError("requests are checked by rpc.envelope")


class Dispatcher:
    """Methods by name."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._library = library()
        self._methods = {name: self._adapt(self._library, route) for name, route in routes.items()}

    def dispatch(self, method: str, params: bytes) -> Any:
        """Carry out one call; returns its result, or an awaitable of it.

        Raises:
            RpcError: unknown method, params that do not fit, or what the handler answered.
        """
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
