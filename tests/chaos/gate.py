"""A door before a store that can be shut: connections are refused, taken and never answered, or answered with 503."""

import socket
import threading
from contextlib import suppress
from enum import StrEnum
from urllib.parse import urlsplit


class Shut(StrEnum):
    REFUSED = "connections refused"
    SILENT = "connections taken, nothing answered"
    UNAVAILABLE = "503 to everything"


_ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_PIECE = 1 << 16


class Gate:
    """Passes connections on while it is open; those that are open are cut when it shuts. A context manager."""

    def __init__(self, store: str) -> None:
        url = urlsplit(store)
        self._behind = (str(url.hostname), url.port or 80)
        self._listener = self._listen(0)
        self._port = self._listener.getsockname()[1]
        self._shut: Shut | None = None
        self._lines: set[socket.socket] = set()
        self._over = False
        threading.Thread(target=self._accept, daemon=True, name="gate").start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def shut(self, how: Shut) -> None:
        self._shut = how
        if how is Shut.REFUSED:
            self._stop_listening()
        for line in [*self._lines]:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        was, self._shut = self._shut, None
        if was is Shut.REFUSED:
            self._listener = self._listen(self._port)
            threading.Thread(target=self._accept, daemon=True, name="gate").start()

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._stop_listening()

    def _listen(self, port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port), backlog=128)

    def _stop_listening(self) -> None:
        with suppress(OSError):  # wakes the thread that accepts
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        listener = self._listener
        while not self._over:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        self._lines.add(line)
        try:
            with line:
                if self._shut is Shut.UNAVAILABLE:
                    line.recv(_PIECE)
                    line.sendall(_ANSWER)
                elif self._shut is Shut.SILENT:
                    while line.recv(_PIECE):
                        pass
                elif self._shut is None:
                    self._pass_on(line)
        except OSError:
            pass
        finally:
            self._lines.discard(line)

    def _pass_on(self, line: socket.socket) -> None:
        with socket.create_connection(self._behind) as upstream:
            self._lines.add(upstream)
            back = threading.Thread(target=_copy, args=(upstream, line), daemon=True)
            back.start()
            _copy(line, upstream)
            back.join()
            self._lines.discard(upstream)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
