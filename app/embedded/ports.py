"""The site's listening socket: bound once by the supervisor, handed to each site process.

The supervisor keeps it open while a crashed site restarts, so visitors wait instead of being
refused.
"""

import errno
import socket

from app.embedded.errors import StartError

TRIES = 100
BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Bind `host` on `port`, or on the next free port above it; 0 takes any free one.

    Raises:
        StartError: the host is not an address of this machine, or a hundred ports are taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + TRIES, 65536)):
        server = socket.socket(family, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((host, candidate))
            server.listen(BACKLOG)
        except OSError as error:
            server.close()
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise StartError(f"Cannot listen on {host}: {error.strerror or error}.") from error
        else:
            return server
    raise StartError(f"Ports {port} to {port + TRIES - 1} of {host} are all taken; give --port.")


def address(server: socket.socket) -> str:
    """Return the URL a browser on this machine uses."""
    host, port = server.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
