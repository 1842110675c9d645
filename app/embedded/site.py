"""The site process: `python -m app.embedded.site --fd N` serves on a socket it was given.

With `--gate M` it loads its code first and serves once that pipe closes: the supervisor migrates
the database meanwhile. Without a socket it binds `--host` and `--port` itself.
"""

import argparse
import gc
import importlib
import os
import socket

import uvicorn

BACKLOG = 2048
GRACE_S = 5


def main() -> None:
    """Serve until told to stop; open streams get five seconds to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--gate", type=int)
    arguments = parser.parse_args()
    server_socket = (
        _bind(arguments.host, arguments.port)
        if arguments.fd is None
        else socket.socket(fileno=arguments.fd)
    )
    _load("app.main")
    from app.core.settings import get_settings

    if arguments.gate is not None:
        os.read(arguments.gate, 1)
        os.close(arguments.gate)
    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        http="httptools",
        loop="uvloop",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
        forwarded_allow_ips=get_settings().trusted_proxies,
        server_header=False,
        access_log=False,
        log_config=None,  # what it says goes through the site's own log
    )
    uvicorn.Server(config).run(sockets=[server_socket])


def _load(module: str) -> None:
    """Import without collecting garbage: nothing of it is garbage, and looking takes a seventh."""
    gc.disable()
    importlib.import_module(module)
    gc.freeze()
    gc.enable()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


if __name__ == "__main__":
    main()
