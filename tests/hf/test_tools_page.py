"""Every command on the page "Use your tools", run in its order against a real site."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path("docs/guide/tools/README.md")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in _BLOCK.findall(page.read_text())]


def test_both_languages_show_the_same_commands() -> None:
    assert blocks(PAGE) == blocks(PAGE.with_name("README.zh-CN.md"))


@pytest.mark.timeout(400)
def test_every_command_of_the_page_works(environment: dict[str, str], tmp_path: Path) -> None:
    place = tmp_path / "work"
    place.mkdir()
    Path(environment["HOME"]).mkdir(exist_ok=True)
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    for kind, text in blocks(PAGE):
        if kind == "console":  # only what the test's own environment stands for
            continue
        command = ["bash", "-euo", "pipefail", "-c"] if kind == "bash" else [sys.executable, "-c"]
        done = subprocess.run(
            [*command, text], env=environment, cwd=place, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
