"""A wire that can be held in the middle of a transfer: faults at a byte, not at a moment."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit

_BLOCK = 1 << 16


class Wire:
    """Forwards connections to a site; after some bytes it forwards nothing until told to go on."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._left: dict[str, int] = {}
        self.held = threading.Event()
        self.sent = {"up": 0, "down": 0}
        threading.Thread(target=self._accept, daemon=True).start()

    def hold_after(self, direction: str, num_bytes: int) -> None:
        """Hold everything once this many more bytes went `up` to the site or `down` from it."""
        with self._lock:
            self._left = {direction: num_bytes}
            self.held.clear()

    def release(self) -> None:
        """Go on."""
        with self._lock:
            self._left = {}
            self._open.set()

    def close(self) -> None:
        """Take no more connections; those that are open end with their ends."""
        self.release()
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = self._server.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._target)
        except OSError:
            near.close()
            return
        for source, sink, direction in ((near, far, "up"), (far, near, "down")):
            threading.Thread(target=self._pump, args=(source, sink, direction), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(_BLOCK):
                self._count(direction, len(block))
                self._open.wait()
                sink.sendall(block)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _count(self, direction: str, size: int) -> None:
        with self._lock:
            self.sent[direction] += size
            if direction in self._left:
                self._left[direction] -= size
                if self._left[direction] <= 0:
                    self._left = {}
                    self._open.clear()
                    self.held.set()
