"""The checks of `--self-check`. Each returns what it found, or raises `Failed`.

What it checks is imported inside: a library that is missing must fail one check, and not all.
"""

import contextlib
import os
import sys
import time
from collections.abc import Coroutine
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar import origin, whole

if TYPE_CHECKING:
    import asyncio
    import ssl

TIMEOUT_S = 20.0
"""For one check: all of them together take less than a second."""

REPORT = "Report this, with all that --self-check says."
_CA_REMEDY = "Install the package ca-certificates, or name a file of certificates in SSL_CERT_FILE."
_TEMPORARY_REMEDY = (
    "Name a folder in TMPDIR that can be written and that no virus scanner empties: "
    "only this check needs one."
)
_LOOPBACK_REMEDY = "Look for a firewall or a virus scanner that stands between programs of this machine."

_SIGNED = {"win32": (".exe", ".dll", ".pyd"), "darwin": (".so", ".dylib", "/Python", "live-sidecar")}
"""By system the ends of paths of programs and libraries: a signature changes those after the build."""


class Failed(Exception):
    """What failed, and what to do next; both are sentences."""

    def __init__(self, text: str, remedy: str = REPORT) -> None:
        super().__init__(text)
        self.text, self.remedy = text, remedy


def files() -> str:
    """The files of a frozen build are those that were built."""
    if origin.frozen_folder() is None:
        return "runs from sources, there is nothing to compare"
    sha256 = _sha256()
    try:
        listed = list(whole.listed())
    except OSError as exc:
        raise Failed(f"the list of files cannot be read: {exc}.", whole.REMEDY) from None
    changed = []
    for digest, path in listed:
        try:
            content = (Path(whole.folder()) / path).read_bytes()
        except OSError as exc:
            raise Failed(f"{path} cannot be read: {exc.strerror}.", whole.REMEDY) from None
        if sha256(content).hexdigest() != digest:
            changed.append(path)
    if not changed:
        return f"all {len(listed)} are as they were built"
    wrong = [path for path in changed if not path.endswith(_SIGNED.get(sys.platform, ()))]
    if wrong:
        few = ", ".join(wrong[:3])
        raise Failed(f"{len(wrong)} of {len(listed)} are not as they were built: {few}.", whole.REMEDY)
    few = ", ".join(changed[:3])
    return f"{len(changed)} of {len(listed)} were changed after the build, as signing does: {few}"


def _sha256() -> Any:
    """Python's own: that of `hashlib` loads OpenSSL, which may be what is damaged."""
    for name in ("_sha2", "_sha256"):  # since Python 3.12, and before
        with contextlib.suppress(ImportError):
            return import_module(name).sha256
    from hashlib import sha256

    return sha256


def system_trust() -> str:
    """The system's store of authorities, loaded as a session loads it."""
    from sidecar.live.tls import Tls

    context = Tls().context()
    count, where = _authorities(context)
    if count is None:
        return f"{where} is asked at each connection"
    if not count:
        raise Failed(f"there is no certificate authority in {where}.", _CA_REMEDY)
    return f"{count} certificate authorities in {where}"


def _authorities(context: "ssl.SSLContext") -> tuple[int | None, str]:
    """How many there are, None where that cannot be told; and where."""
    import ssl

    if sys.platform == "win32":
        return len(ssl.enum_certificates("ROOT")), "the store of Windows"
    elif sys.platform == "darwin":  # noqa: RET505 - mypy would find the rest unreachable
        return None, "macOS"
    else:
        loaded = context.cert_store_stats()["x509_ca"]
        paths = ssl.get_default_verify_paths()
        if loaded:
            return loaded, paths.cafile or "the system's file"
        folder = paths.capath or paths.openssl_capath  # OpenSSL reads its files when it needs them
        return len({file.resolve() for file in Path(folder).glob("????????.[0-9]")}), folder


def private_authority() -> str:
    """TLS with a server of ours: refused until its authority is trusted, as with a company's own."""
    return _run(_private_authority())


async def _private_authority() -> str:
    import asyncio
    import ssl

    from sidecar.live.tls import Tls
    from sidecar.tools.self_check_certificate import AUTHORITY

    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_certificate(ours)
    server = await asyncio.start_server(_echo, "127.0.0.1", 0, ssl=ours)
    port = server.sockets[0].getsockname()[1]
    try:
        try:
            await _talk(port, Tls().context())
        except ssl.SSLCertVerificationError:
            pass
        else:
            raise Failed("a certificate of an unknown authority was accepted.")
        version = await _talk(port, Tls(ca_pem=AUTHORITY).context())
    except OSError as exc:
        said = str(exc).rstrip(".")  # Windows's own words end with one
        raise Failed(f"no TLS connection to this machine itself: {said}.", _LOOPBACK_REMEDY) from None
    finally:
        server.close()
    return f"refused at first, and {version} once it is trusted"


def _load_certificate(context: "ssl.SSLContext") -> None:
    """Through a file for a moment: Python's `ssl` takes a key from nothing else."""
    import tempfile

    from sidecar.tools.self_check_certificate import AUTHORITY, CERTIFICATE, KEY

    label = "PRIVATE KEY"
    try:
        handle, path = tempfile.mkstemp()
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                # With its authority: Wine takes a chain that ends too early for a good one.
                file.write(f"{CERTIFICATE}{AUTHORITY}-----BEGIN {label}-----\n{KEY}-----END {label}-----\n")
            context.load_cert_chain(path)
        finally:
            with contextlib.suppress(OSError):  # a virus scanner may hold it, or have it
                Path(path).unlink()
    except OSError as exc:  # ssl.SSLError is one: a file that was cut
        raise Failed(f"no temporary file can be used: {exc.strerror or exc}.", _TEMPORARY_REMEDY) from None


async def _echo(reader: "asyncio.StreamReader", writer: "asyncio.StreamWriter") -> None:
    writer.write(await reader.readline())
    writer.close()


async def _talk(port: int, context: "ssl.SSLContext") -> str:
    """Returns the version of TLS."""
    import asyncio

    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    writer.write(b"hello\n")
    if await reader.readline() != b"hello\n":
        raise Failed("what came back over TLS is not what was sent.", _LOOPBACK_REMEDY)
    version = str(writer.get_extra_info("ssl_object").version())
    writer.close()
    return version


def compression() -> str:
    """permessage-deflate (RFC 7692), both ways, and the C code that masks frames."""
    from websockets.extensions.permessage_deflate import PerMessageDeflate
    from websockets.frames import Frame, Opcode
    from websockets.speedups import apply_mask

    message = b"what is said twice is said twice. " * 2000
    one, other = (PerMessageDeflate(False, False, 15, 15) for _ in range(2))
    packed = one.encode(Frame(Opcode.TEXT, message))
    if other.decode(packed, max_size=len(message)).data != message:
        raise Failed("what was unpacked is not what was packed.", whole.REMEDY)
    if apply_mask(apply_mask(message, b"mask"), b"mask") != message:
        raise Failed("what was unmasked is not what was masked.", whole.REMEDY)
    return f"{len(message)} bytes became {len(packed.data)} and came back"


def calls() -> str:
    """What stands between a line of JSON-RPC and a method."""
    from msgspec import json

    from sidecar.rpc.dispatch import Dispatcher, Route
    from sidecar.rpc.envelope import Call, parse

    call = parse(b'{"jsonrpc":"2.0","id":1,"method":"double","params":21}')
    route = Route(json.Decoder(int), lambda number: 2 * number)
    if not isinstance(call, Call) or Dispatcher({"double": route}).dispatch(call.method, call.params) != 42:
        raise Failed("a call came to the wrong method.", whole.REMEDY)
    return "a line is read, and its method is called"


def session() -> str:
    """A session with the simulator on loopback: opened, asked, answered, closed."""
    return _run(_session())


async def _session() -> str:
    import asyncio

    from sidecar.live.auth import ApiKey
    from sidecar.live.endpoints import developer
    from sidecar.live.proxy import Route
    from sidecar.live.turns import Turn
    from sidecar.observe.secret import Secret
    from sidecar.session import Config, LiveSession, SessionFailed
    from sidecar.simulator import Script, Simulator
    from sidecar.simulator.script import Turn as Scripted

    setup = {"model": "models/any", "generationConfig": {"responseModalities": ["AUDIO"]}}
    started_at = time.monotonic()
    script = Script(turns=[Scripted(model="Everything works.")], playback_rate=100)
    async with Simulator(script) as service:
        config = Config(developer(service.url, "v1beta"), ApiKey(Secret("any")), setup, proxy=Route())
        over = asyncio.Event()
        live = LiveSession(config)
        live.on(Turn, lambda turn: over.set() if turn.event == "complete" else None)
        try:
            await live.connect()
            live.send("realtimeInput", {"text": "Does everything work?"})
            await over.wait()
        except SessionFailed as failed:
            raise Failed(f"{failed}.", _LOOPBACK_REMEDY) from None
        finally:
            await live.close()
    return f"opened, answered and closed in {(time.monotonic() - started_at) * 1000:.0f} ms"


def _run(check: Coroutine[None, None, str]) -> str:
    import asyncio

    async def within() -> str:
        async with asyncio.timeout(TIMEOUT_S):
            return await check

    return asyncio.run(within())
