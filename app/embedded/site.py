"""The site process: `python -m app.embedded.site --fd N` serves on a socket it was given."""

import argparse
import socket

import uvicorn

GRACE_S = 5


def main() -> None:
    """Serve until told to stop; open streams get five seconds to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    server_socket = socket.socket(fileno=parser.parse_args().fd)
    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        http="httptools",
        loop="uvloop",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
        server_header=False,
        access_log=False,
        log_level="info",
    )
    uvicorn.Server(config).run(sockets=[server_socket])


if __name__ == "__main__":
    main()
