"""The rules of CONTRIBUTING.md that the import linter cannot say."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
FEATURES = {
    "accounts", "admin", "bounties", "buckets", "claims", "collections", "comments", "comparisons",
    "datasets", "discussions", "githost", "hfapi", "home", "hub", "imports", "jobs", "ledger",
    "mail", "moderation", "notifications", "playground", "questions", "quotas", "reputation",
    "search", "selection", "sweeps", "tutorials", "webhooks",
    "badges",
}  # fmt: skip
# What one feature may import of another; everything else is its own business.
FACADE = {"service", "schemas", "policy", "events"}
FILE_LINES = 400
TEST_FILE_LINES = 600
# At most three, each with its reason.
LONGER_FILES: dict[str, str] = {}


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def test_a_feature_uses_another_only_through_its_facade() -> None:
    graph = grimp.build_graph("app")
    trespasses = [
        f"{importer} imports {imported}"
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if _is_trespass(importer, imported)
    ]
    assert trespasses == []


def _is_trespass(importer: str, imported: str) -> bool:
    importer_parts, imported_parts = importer.split("."), imported.split(".")
    if min(len(importer_parts), len(imported_parts)) < 3:
        return False
    theirs = imported_parts[1]
    if importer_parts[1] not in FEATURES or theirs not in FEATURES:
        return False
    return importer_parts[1] != theirs and imported_parts[2] not in FACADE


def test_files_stay_within_their_size_budget() -> None:
    assert len(LONGER_FILES) <= 3
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in _tracked("*.py", "*.js", "*.css", "*.html")
        if (lines := len(path.read_text().splitlines())) > _budget(path)
    }
    assert too_long == {}


def _budget(path: Path) -> int:
    name = str(path.relative_to(ROOT))
    # A migration is written by a tool, once, and read from top to bottom.
    if name in LONGER_FILES or name.startswith("migrations/versions/"):
        return 10_000
    return TEST_FILE_LINES if name.startswith("tests/") else FILE_LINES


@pytest.mark.parametrize("module", ["app.main", "app.cli", "worker.contract", "worker.serve"])
def test_a_light_process_never_loads_torch(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'timm') if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_no_registry_and_no_machine_path_stands_in_a_tracked_file() -> None:
    # Written in pieces so that this file does not find itself.
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "deb.debian" + ".org"]
    paths = ["/wo" + "rk/", "/ro" + "ot/"]
    pattern = re.compile("|".join(re.escape(text) for text in hosts + paths))
    found = []
    for path in _tracked():
        if path.suffix in {".png", ".svg", ".ico", ".jpg", ".zip", ".safetensors"}:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


def test_nothing_catches_every_exception_outside_the_outer_boundaries() -> None:
    # A request; a subscriber to news; a run inside its own process, or in one of several;
    # an attempt inside its worker.
    boundaries = {
        "app/core/web_errors.py", "app/core/events.py", "worker/attempt.py", "worker/member.py",
        "worker/serve.py",
    }  # fmt: skip
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in _tracked("app/*.py", "worker/*.py")
        if str(path.relative_to(ROOT)) not in boundaries
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node)
    ]
    assert found == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    names = {"Exception", "BaseException"}
    caught = handler.type
    if caught is None:
        return True
    re_raises = bool(handler.body) and isinstance(handler.body[-1], ast.Raise)
    return isinstance(caught, ast.Name) and caught.id in names and not re_raises
