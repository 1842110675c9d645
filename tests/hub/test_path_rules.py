"""Which files go to Git LFS and which are left out: as the real git says it, case by case."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.hub.path_rules import ignore_rules, large_file_rules

_GIT = shutil.which("git") or "git"
_NAMES = ["a", "b", "ab", "a.bin", "b.txt", "a b", "[a]", "*", "é", "!a", "#a", "\\a"]
_PATHS = [
    *_NAMES, *(f"{x}/{y}" for x in ("a", "b", "ab", "é") for y in _NAMES),
    *(f"{x}/{y}/{z}" for x in ("a", "b") for y in ("a", "b") for z in _NAMES[:6]), "a/b/a/b.txt",
]  # fmt: skip
_PIECES = [
    "a", "b", "*", "**", "?", "/", "/", ".bin", ".txt", "[ab]", "[!a]", "[^b]", "[a-b]", "\\*",
    "\\a", "\\", "[", "]", "[[:alpha:]]", " ", "é", "[]a]", "[a/]", "-",
]  # fmt: skip
_PATTERN = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join)
_IGNORE_LINE = st.tuples(
    st.sampled_from(["", "", "", "!", "/", "#", "\\!", "\\#", " "]),
    _PATTERN,
    st.sampled_from(["", "", "/", "/**", " ", "\\ ", "\r", "/*"]),
).map("".join)
_IGNORE_FILE = st.lists(_IGNORE_LINE, min_size=1, max_size=5).map("\n".join)
_STATES = ["filter=lfs", "-filter", "!filter", "filter", "filter=x", "big", "-big", "binary text"]
_QUOTED = _PATTERN.map(lambda p: '"' + p.replace("\\", "\\\\") + '"')
_ATTRIBUTE_LINE = st.one_of(
    st.tuples(st.one_of(_PATTERN, _QUOTED), st.sampled_from(_STATES)).map(" ".join),
    st.sampled_from(["[attr]big filter=lfs", "# a filter=lfs", "\t* filter=lfs", "!a filter=lfs",
                     "[attr]big -filter", "* filter=lfs -filter", '"a\\142" filter=lfs']),
)  # fmt: skip
_ATTRIBUTE_FILE = st.lists(_ATTRIBUTE_LINE, min_size=1, max_size=5).map("\n".join)
_FOLDERS = st.fixed_dictionaries({}, optional={"a": _IGNORE_FILE, "a/b": _IGNORE_FILE})
_COMPARED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("git")
    subprocess.run([_GIT, "init", "-q", str(made)], check=True)
    (made / "a" / "b").mkdir(parents=True)
    return made


def _git(folder: Path, name: str, files: Mapping[str, str], *command: str) -> list[str]:
    for place in ("", "a", "a/b"):
        path = folder / place / name
        path.unlink(missing_ok=True)
        if place in files:
            path.write_bytes(files[place].encode())
    done = subprocess.run(
        [_GIT, "-C", str(folder), *command], input="\0".join(_PATHS).encode() + b"\0",
        capture_output=True, check=False,
    )  # fmt: skip
    (folder / name).unlink(missing_ok=True)
    return done.stdout.decode().split("\0")


@_COMPARED
@given(root=_IGNORE_FILE, below=_FOLDERS)
def test_ignored_files_are_those_that_git_ignores(
    folder: Path, root: str, below: dict[str, str]
) -> None:
    files = {"": root, **below}
    ignored = set(_git(folder, ".gitignore", files, "check-ignore", "--no-index", "-z", "--stdin"))
    rules = ignore_rules(files)
    folders = {"a", "a/b"}  # on the disk; our paths are those of files
    assert {p for p in _PATHS if rules.matches(p)} - folders == ignored - folders - {""}


@_COMPARED
@example(root="a filter=lfs", below="b * filter=lfs")
@given(root=_ATTRIBUTE_FILE, below=_ATTRIBUTE_FILE)
def test_large_files_are_those_that_git_hands_to_lfs(folder: Path, root: str, below: str) -> None:
    files = {"": root, "a": below}
    fields = _git(folder, ".gitattributes", files, "check-attr", "-z", "--stdin", "filter")
    answers = dict(zip(fields[0::3], fields[2::3], strict=False))
    rules = large_file_rules(files)
    assert {path for path in _PATHS if rules.matches(path)} == {
        path for path, value in answers.items() if value == "lfs"
    }


def test_a_pattern_made_to_be_slow_is_answered_at_once() -> None:
    rules = ignore_rules({"": "\n".join(["*a" * 200 + "b", "**/" * 100 + "x", "[" * 1000])})
    assert not rules.matches("a" * 250 + "/" + "a/" * 38 + "a" * 250)
