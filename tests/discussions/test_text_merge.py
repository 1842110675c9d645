"""Merging line by line gives what git gives."""

import random
import subprocess
from pathlib import Path

from app.hub.text_merge import merge_text

_CASES = 120


def _changed(lines: list[str], dice: random.Random) -> list[str]:
    found = list(lines)
    for _ in range(dice.randrange(3)):
        place = dice.randrange(len(found) + 1)
        kind = dice.choice(["insert", "delete", "replace"])
        if kind == "insert" or place == len(found):
            found.insert(place, f"new {dice.randrange(9)}\n")
        elif kind == "delete":
            del found[place]
        else:
            found[place] = f"other {dice.randrange(9)}\n"
    return found


def _git(folder: Path, base: str, ours: str, theirs: str) -> bytes | None:
    for name, text in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text(text)
    done = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None


def test_texts_merge_and_conflict_as_in_git(tmp_path: Path) -> None:
    dice = random.Random(5)
    merged = conflicts = 0
    for _ in range(_CASES):
        lines = [f"{dice.randrange(6)}\n" for _ in range(dice.randrange(12))]
        base, ours, theirs = (
            "".join(side) for side in (lines, _changed(lines, dice), _changed(lines, dice))
        )
        found = merge_text(base.encode(), ours.encode(), theirs.encode())
        assert found == _git(tmp_path, base, ours, theirs), (base, ours, theirs)
        merged += found is not None
        conflicts += found is None
    assert min(merged, conflicts) > 10
