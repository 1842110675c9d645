"""A real S3 server on loopback, from its wheel."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from app.core.settings import Settings


@contextmanager
def s3_server(folder: Path) -> Iterator[Settings]:
    """Yield the settings of a store that keeps its data in `folder`."""
    folder.mkdir(exist_ok=True)
    weed = shutil.which("weed") or str(Path(sys.executable).parent / "weed")
    names = ["master.port", "volume.port", "filer.port", "s3.port"]
    ports = _free_ports(8)
    flags = [f"-{name}={port}" for name, port in zip(names, ports, strict=False)]
    flags += [f"-{name}.grpc={port}" for name, port in zip(names, ports[4:], strict=True)]
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secretsecret"}
    server = subprocess.Popen(
        [weed, "server", "-s3", "-filer", f"-dir={folder}", "-ip=127.0.0.1",
         "-ip.bind=127.0.0.1", "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0",
         "-s3.port.lance=0", *flags],
        env={**os.environ, **keys}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    settings = Settings(
        storage_url=f"s3://blobs/site?endpoint=http://127.0.0.1:{ports[3]}&region=us-east-1",
        storage_access_key=SecretStr("key"),
        storage_secret_key=SecretStr("secretsecret"),
    )
    try:
        _wait_for(ports[3])
        yield settings
    finally:
        server.kill()  # a polite stop takes half a minute
        server.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_for(port: int) -> None:
    transport = httpx.HTTPTransport(retries=8)  # backs off to some twenty seconds in all
    with httpx.Client(transport=transport, timeout=30) as client:
        client.get(f"http://127.0.0.1:{port}/status")


def stored_in(settings: Settings, store: Settings) -> Settings:
    """Return `settings` with the object store that `store` names."""
    names = ("storage_url", "storage_access_key", "storage_secret_key")
    return settings.model_copy(update={name: getattr(store, name) for name in names})
