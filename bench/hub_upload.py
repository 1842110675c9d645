"""One gigabyte up and down through the stock client, against a bare peer that only stores bytes.

Goals: within 1.5 times the peer's time; the site grows by at most 150 MB; a second upload with one
percent changed moves and stores at most two percent, from another machine too.
Run: python -m bench hub_upload; BENCH_MEGABYTES says how much.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench._site import BenchSite, MemoryWatch, run_client, running_site, write_random

MEGABYTES = int(os.environ.get("BENCH_MEGABYTES", "1000"))
ROUNDS = 2

_UPLOAD = """
import sys, time
from huggingface_hub import HfApi
api = HfApi()
started = time.monotonic()
api.upload_file(path_or_fileobj=sys.argv[1], path_in_repo="big.bin", repo_id="bench/big")
print(time.monotonic() - started)
"""
_DOWNLOAD = """
import sys, time
from huggingface_hub import hf_hub_download
started = time.monotonic()
hf_hub_download("bench/big", "big.bin", local_dir=sys.argv[1])
print(time.monotonic() - started)
"""


@contextmanager
def bare_peer(folder: Path) -> Iterator[str]:
    """Run the peer; yield its address."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        descriptor = listening.fileno()
        command = [sys.executable, "-m", "bench._bare_peer", str(descriptor), str(folder)]
        process = subprocess.Popen(command, pass_fds=[descriptor])
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            httpx.get(url, timeout=60)
            yield url
        finally:
            process.terminate()
            process.wait()


def _machine(folder: Path, name: str, url: str, token: str) -> dict[str, str]:
    home = str(folder / name)
    return {"HOME": home, "HF_HOME": home, "HF_ENDPOINT": url, "HF_TOKEN": token}


def _transfer(folder: Path, name: str, url: str, token: str, file: Path) -> tuple[float, float]:
    """Send a file and fetch it back, each from a machine without a memory; return the seconds."""
    (up,) = run_client(_UPLOAD, str(file), **_machine(folder, f"{name}-up", url, token))
    into = folder / f"{name}-copy"
    (down,) = run_client(_DOWNLOAD, str(into), **_machine(folder, f"{name}-down", url, token))
    if (into / "big.bin").stat().st_size != file.stat().st_size:
        raise SystemExit("The copy has another size.")
    shutil.rmtree(into)
    return up, down


def run() -> Iterator[str]:
    """Yield one line per figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with bare_peer(folder / "peer") as peer, running_site(folder) as site:
            yield from _figures(folder, peer, site)


def _figures(folder: Path, peer: str, site: BenchSite) -> Iterator[str]:
    headers = {"Authorization": f"Bearer {site.token}"}
    httpx.post(f"{site.url}/api/repos/create", json={"name": "big"}, headers=headers)
    bare, ours = [], []
    with MemoryWatch(site.pid) as memory:
        for number in range(ROUNDS):
            file = folder / "big.bin"
            write_random(file, MEGABYTES)
            shutil.copy(file, folder / "peer" / "served.bin")
            bare.append(_transfer(folder, f"peer{number}", peer, "hf_none", file))
            ours.append(_transfer(folder, f"site{number}", site.url, site.token, file))
            for stored in (folder / "peer").glob("[0-9a-f]" * 16):
                stored.unlink()
    for place, what in enumerate(("up", "down")):
        fast, own = min(one[place] for one in bare), min(one[place] for one in ours)
        yield (
            f"{MEGABYTES} MB {what}: {own:.2f} s ({MEGABYTES / own:.0f} MB/s), bare peer "
            f"{fast:.2f} s ({MEGABYTES / fast:.0f} MB/s): {own / fast:.2f} times"
        )
    yield f"site: {memory.before:.0f} MB, at most {memory.peak - memory.before:.0f} MB more"
    yield from _one_percent(folder, site, f"site{ROUNDS - 1}-up")


def _one_percent(folder: Path, site: BenchSite, same: str) -> Iterator[str]:
    file = folder / "big.bin"
    for place, machine in ((0.4, same), (0.7, "another")):
        with file.open("r+b") as out:
            out.seek(int(MEGABYTES * place) * 1_000_000)
            out.write(os.urandom(MEGABYTES * 10_000))
        before = site.stored_bytes()
        (seconds,) = run_client(
            _UPLOAD, str(file), **_machine(folder, machine, site.url, site.token)
        )
        share = (site.stored_bytes() - before) / file.stat().st_size
        who = "same machine" if machine == same else "another machine"
        yield f"1 % changed, {who}: {seconds:.2f} s, {share:.2%} sent and stored"
