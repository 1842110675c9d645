"""How the site speaks Chinese."""

from pathlib import Path

import pytest

CATALOGUES = Path("locale/zh_CN")


@pytest.mark.parametrize("path", sorted(CATALOGUES.glob("*.po")), ids=lambda path: path.stem)
def test_readers_are_addressed_politely_everywhere(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "你" in line] == []
