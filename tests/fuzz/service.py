"""A service that upgrades, answers the setup, and then sends whatever bytes it is told to."""

import contextlib
import socket
import threading

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.fuzz.child import WAIT_S, Broken

READY = Frame(Opcode.BINARY, b'{"setupComplete":{}}').serialize(mask=False)


class Service:
    """Listens on loopback. `connections`: how many were set up; what is sent goes to the newest."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._server.getsockname()[1]}"
        self._changed = threading.Condition()
        self._newest = None
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = _Connection(self._server.accept()[0], self._set_up)
                threading.Thread(target=connection.run, daemon=True).start()

    def _set_up(self, connection):
        with self._changed:
            self._newest = connection
            self.connections += 1
            self._changed.notify_all()

    def wait_for(self, connections):
        """Returns when so many connections were set up."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.connections >= connections, WAIT_S):
                raise Broken(f"no new connection; there were {self.connections}")

    def send(self, data):
        """Sends bytes; what the other side does not want any more is lost."""
        self._newest.send(data)

    def stop(self):
        with contextlib.suppress(OSError):  # else who waits in `accept` would take one more
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        if self._newest is not None:
            self._newest.close()


class _Connection:
    """One TCP connection: a thread reads it and answers pings, another may send."""

    def __init__(self, sock, set_up):
        self._socket = sock
        self._set_up = set_up
        self._protocol = ServerProtocol(max_size=2**24)
        self._lock = threading.Lock()

    def run(self):
        with self._socket, contextlib.suppress(OSError):
            waiting = True
            while data := self._socket.recv(65536):
                with self._lock:
                    self._protocol.receive_data(data)
                    for event in self._protocol.events_received():
                        if isinstance(event, Request):
                            self._protocol.send_response(self._protocol.accept(event))
                        elif waiting and event.opcode is Opcode.TEXT:
                            waiting = False
                            self._socket.sendall(READY)
                            self._set_up(self)
                    for piece in self._protocol.data_to_send():
                        if not piece:  # the end of what this side has to say
                            self._socket.shutdown(socket.SHUT_WR)
                        self._socket.sendall(piece)

    def send(self, data):
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(data)

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
