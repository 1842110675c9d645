"""The `hf` command, group by group, as people type it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a card, a text and some weights."""
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: mit\n---\nhi")
    (folder / "a.txt").write_text("A")
    (folder / "w.bin").write_bytes(bytes(range(256)) * 3000)
    return tmp_path


# One process loads the command and runs each line in a fork of its own, as a shell would start it
# anew: loading it takes longer than most of what it does.
_SHELL = """
import json, os, pathlib, sys
from huggingface_hub.cli.hf import main
ended = []
for line in json.loads(sys.stdin.read()):
    child = os.fork()
    if child == 0:
        out = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.argv = ["hf", *line.split()]
        sys.exit(main())
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ended.append([status, pathlib.Path("output.txt").read_text()])
pathlib.Path("ended.json").write_text(json.dumps(ended))
"""


def _wrong(place: Path, environment: dict[str, str], table: str) -> list[str]:
    """Run each line of the table; return those that did not end as it says.

    A line is a command, then optionally `=>` and a part of the output; `!` before it expects
    the command to fail.
    """
    rows = [row.strip().partition(" => ") for row in table.splitlines() if row.strip()]
    done = subprocess.run(
        [sys.executable, "-c", _SHELL], env={**environment, "NO_COLOR": "1"}, cwd=place,
        input=json.dumps([line.lstrip("! ") for line, _arrow, _part in rows]),
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ended = json.loads((place / "ended.json").read_text())
    return [
        f"{line}: {status} {output[-300:]}"
        for (line, _arrow, part), (status, output) in zip(rows, ended, strict=True)
        if (status != 0) != line.startswith("!") or part not in output or "Traceback" in output
    ]


def test_files_go_up_and_come_down(place: Path, environment: dict[str, str]) -> None:
    table = """
        auth whoami => ada
        repos create ada/net
        ! repos create ada/net => already
        repos create ada/net --exist-ok
        upload ada/net m => /ada/net
        upload ada/net m/a.txt b.txt --commit-message hello
        upload ada/new m --private
        upload ada/data m --repo-type dataset --include *.txt
        download ada/net a.txt --local-dir down
        download ada/net --include *.bin --dry-run
        cp hf://ada/net/w.bin copy.bin
        cp m/a.txt hf://ada/net/c.txt
        repos cp hf://ada/net/a.txt hf://ada/new/z.txt
        download ada/net
        cache verify ada/net
        ! download ada/net absent => absent
        ! download ada/absent => not found
    """
    assert _wrong(place, environment, table) == []
    assert (place / "down" / "a.txt").read_text() == "A"
    assert (place / "copy.bin").read_bytes() == (place / "m" / "w.bin").read_bytes()


def test_repositories_are_listed_and_managed(place: Path, environment: dict[str, str]) -> None:
    table = """
        upload ada/net m
        models info ada/net => ada/net
        models card ada/net => mit
        models list --author ada --format json => ada/net
        models list --sort downloads --limit 1
        repos list => net
        repos branch create ada/net dev
        ! repos branch create ada/net dev => already exists
        repos branch delete ada/net dev
        repos tag create ada/net v1 -m first
        repos tag list ada/net => v1
        repos tag delete ada/net v1 -y
        repos settings ada/net --gated auto
        repos settings ada/net --private
        repos duplicate ada/net ada/copy
        repos delete-files ada/copy a.txt
        repos move ada/copy ada/moved
        repos delete ada/moved --yes
        repos delete ada/moved --missing-ok --yes
        ! models info ada/moved
        ! spaces list => Spaces
        ! papers list => papers
    """
    assert _wrong(place, environment, table) == []


def test_people_talk_and_propose(place: Path, environment: dict[str, str]) -> None:
    table = """
        upload ada/net m
        upload ada/net m/a.txt d.txt --create-pr
        discussions create ada/net --title Hello --body text
        discussions list ada/net => Hello
        discussions comment ada/net 2 --body nice
        discussions rename ada/net 2 Welcome
        discussions info ada/net 2 => Welcome
        discussions close ada/net 2 --yes
        discussions reopen ada/net 2 --yes
        discussions diff ada/net 1 => d.txt
        discussions merge ada/net 1 --yes
        download ada/net d.txt
    """
    assert _wrong(place, environment, table) == []
