"""The service's end of a WebSocket (RFC 6455), as little of it as is needed, with a codec of its own."""

import base64
import hashlib
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept(head: bytes) -> bytes:
    """The answer to an upgrade request."""
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    fields = {name.strip().lower(): value.strip() for name, _, value in lines}
    digest = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + digest + b"\r\n\r\n"
    )


def refusal(status: int, retry_after_s: int | None) -> bytes:
    """Another answer."""
    wait = f"Retry-After: {retry_after_s}\r\n" if retry_after_s is not None else ""
    return f"HTTP/1.1 {status} No\r\n{wait}Content-Length: 2\r\n\r\nno".encode()


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame, unmasked as a server's must be."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


def close_frame(code: int, reason: str) -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason.encode()[:123])


class Frames:
    """What a client sends, cut into frames. It never sends fragments, and always masks."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        buffer = self._buffer + data if self._buffer else data
        found: list[tuple[int, bytes]] = []
        at = 0
        while len(buffer) - at >= 6:
            first, second = buffer[at], buffer[at + 1]
            assert first & 0x80, "the client fragmented a message"
            assert second & 0x80, "the client did not mask"
            size, start = second & 0x7F, at + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                if len(buffer) < start + width:
                    break
                size = int.from_bytes(buffer[start : start + width], "big")
                start += width
            end = start + 4 + size
            if len(buffer) < end:
                break
            found.append((first & 0x0F, _unmask(buffer[start : start + 4], buffer[start + 4 : end])))
            at = end
        self._buffer = buffer[at:]
        return found


def _unmask(key: bytes, data: bytes) -> bytes:
    size = len(data)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")
