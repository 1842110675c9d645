"""How long `tuningfork up` takes to the first page, first and second time; the site's memory.

Goals: first page within 10 s, second start within 5 s, the site within 200 MB, torch not in it.
Run it on an idle machine: `python -m bench startup`.
"""

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

from app.embedded.owner import reachable, server_owner

GOALS = {"first start, s": 10.0, "second start, s": 5.0, "site memory, MB": 200.0}


def start(data: Path) -> dict[str, float]:
    """Start a tree, fetch the first page, measure, stop it."""
    began = time.monotonic()
    command = [sys.executable, "-m", "app.cli", "up", "--data-dir", str(data), "--port", "0"]
    tree = subprocess.Popen(
        [*command, "--no-starter"], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        ready = next(line for line in tree.stdout or () if " ready at " in line)
        address = re.findall(r"http://\S+", ready)[0]
        with urlopen(address, timeout=30) as page:
            page.read()
        seconds = time.monotonic() - began
        runtime = json.loads((data / "runtime.json").read_text())
        site = runtime["pids"]["site"]
        status = Path(f"/proc/{site}/status").read_text()
        if "torch" in Path(f"/proc/{site}/maps").read_text():
            raise SystemExit("torch is loaded in the site")
    finally:
        tree.terminate()
        tree.communicate()
    return {"seconds": seconds, "megabytes": int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024}


def run(rounds: int = 3) -> Iterator[str]:
    """Yield a table of the medians beside the goals."""
    seen: dict[str, list[float]] = {name: [] for name in GOALS}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            first, second = start(Path(folder) / "data"), start(Path(folder) / "data")
            cluster = reachable(Path(folder) / "data" / "postgres", server_owner())
            shutil.rmtree(cluster)  # under root it lies elsewhere
        seen["first start, s"].append(first["seconds"])
        seen["second start, s"].append(second["seconds"])
        seen["site memory, MB"].append(second["megabytes"])
    yield "| what | median | worst | goal |"
    yield "| --- | --- | --- | --- |"
    for name, values in seen.items():
        yield f"| {name} | {statistics.median(values):.1f} | {max(values):.1f} | {GOALS[name]:g} |"
