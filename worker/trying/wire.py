"""Messages on a stream between the worker and the process that holds models."""

import socket
import struct

_HEADER = struct.Struct("!I")


def send(wire: socket.socket, message: bytes) -> None:
    """Send one message, its length first."""
    wire.sendall(_HEADER.pack(len(message)) + message)


def receive(wire: socket.socket) -> bytes | None:
    """Return the next message, or None when the other end is closed."""
    head = _exactly(wire, _HEADER.size)
    return None if head is None else _exactly(wire, _HEADER.unpack(head)[0])


def _exactly(wire: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = wire.recv(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
