"""One large file over plain HTTP, against nginx serving the same file on the same machine.

Goal: at least 70 % of nginx. Run: python -m bench download; BENCH_MEGABYTES says how much.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench._site import BenchSite, run_client, running_site, write_random

MEGABYTES = int(os.environ.get("BENCH_MEGABYTES", "1000"))
ROUNDS = 5

_UPLOAD = """
import sys
from huggingface_hub import HfApi
api = HfApi()
api.create_repo(sys.argv[2])
api.upload_file(path_or_fileobj=sys.argv[1], path_in_repo="big.bin", repo_id=sys.argv[2])
"""
_NGINX = """
worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.err; events {{}}
http {{
  access_log off; sendfile on; default_type application/octet-stream;
  client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
  uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
  server {{ listen 127.0.0.1:{port}; root {folder}/served; }}
}}
"""


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


@contextmanager
def nginx(folder: Path, program: str) -> Iterator[str]:
    """Serve `folder/served`; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    user = "user root;\n" if os.getuid() == 0 else ""
    config.write_text(user + _NGINX.format(folder=folder, port=port))
    process = subprocess.Popen([program, "-c", str(config), "-g", "daemon off;"])
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
            client.get(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def run() -> Iterator[str]:
    """Yield one line per figure."""
    program, curl = _program("nginx"), _program("curl")
    if program is None or curl is None:
        yield "left out: nginx or curl is not installed"
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "served").mkdir()
        file = folder / "served" / "big.bin"
        with nginx(folder, program) as peer, running_site(folder) as site:
            _send(folder, site, file)
            yield from _figures(curl, f"{peer}/big.bin", site)


def _send(folder: Path, site: BenchSite, file: Path) -> None:
    """Leave one random file that came whole, and another that came by Xet."""
    home = str(folder / "home")
    machine = {"HOME": home, "HF_HOME": home, "HF_ENDPOINT": site.url, "HF_TOKEN": site.token}
    write_random(file, MEGABYTES)
    run_client(_UPLOAD, str(file), "bench/xet", **machine)
    write_random(file, MEGABYTES)
    run_client(_UPLOAD, str(file), "bench/whole", HF_HUB_DISABLE_XET="1", **machine)


def _figures(curl: str, peer: str, site: BenchSite) -> Iterator[str]:
    addresses = {
        "nginx": peer,
        "a file stored whole": f"{site.url}/bench/whole/resolve/main/big.bin",
        "a file in Xet bundles": f"{site.url}/bench/xet/resolve/main/big.bin",
    }
    best = dict.fromkeys(addresses, 0.0)
    for _round in range(ROUNDS):  # in turn, so that a busy moment hurts all
        for name, url in addresses.items():
            started = time.monotonic()
            subprocess.run([curl, "-sf", "-o", os.devnull, url], check=True)
            best[name] = max(best[name], MEGABYTES / (time.monotonic() - started))
    for name, speed in best.items():
        yield f"{name}: {speed:,.0f} MB/s, {speed / best['nginx']:.0%} of nginx"
