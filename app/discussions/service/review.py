"""What a pull request changes, told in the words of a card and of a configuration."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from app.core.db import AsyncSession
from app.core.storage import BlobStore
from app.discussions.schemas import Changes
from app.hub import service as hub
from app.hub.schemas import ChangeKind, Diff, FileChange, RepositoryKind, TreeFile
from app.hub.service import Repository

CARD = "README.md"
_MAX_BYTES = 512 * 1024
_MAX_ROWS = 200
_MAX_VALUE = 500
_FOLDED_LINES = 400


@dataclass(frozen=True)
class Row:
    """A field that changed; None where it is not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class CardReview:
    """How the card changes: its fields, and its text on both sides."""

    rows: tuple[Row, ...]
    before: str
    after: str


@dataclass(frozen=True)
class ConfigReview:
    """How a JSON file changes, key by key."""

    path: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class LargeFile:
    """A large file before and after: its size in bytes and its sha256; None where it is not."""

    before: TreeFile | None
    after: TreeFile | None


@dataclass(frozen=True)
class ReviewedFile:
    """A file of the diff, with what a page shows beside its lines."""

    change: FileChange
    lines: tuple[hub.Line, ...]
    large: LargeFile | None = None

    @property
    def num_added(self) -> int:
        """How many lines are new."""
        return sum(line.sign == "+" for line in self.lines)

    @property
    def num_removed(self) -> int:
        """How many lines are gone."""
        return sum(line.sign == "-" for line in self.lines)

    @property
    def is_folded(self) -> bool:
        """Whether a page shows it closed at first."""
        return self.num_added + self.num_removed > _FOLDED_LINES


@dataclass(frozen=True)
class Review:
    """All that the page of changes shows."""

    diff: Diff
    files: tuple[ReviewedFile, ...]
    card: CardReview | None
    configs: tuple[ConfigReview, ...]


async def review(
    db: AsyncSession, storage: BlobStore, repository: Repository, changes: Changes
) -> Review:
    """Return the changes of a pull request for somebody who may open the files."""
    if not changes.head or changes.head == changes.base:
        return Review(Diff((), 0, is_truncated=False), (), None, ())
    diff = await hub.diff(db, storage, repository, changes.head, changes.base)
    reader = _Reader(db, storage, repository, changes)
    large = await reader.large_files([one.path for one in diff.files if one.is_binary])
    paths = {change.path for change in diff.files}
    files = tuple(
        ReviewedFile(change, tuple(hub.patch_lines(change.patch)), large.get(change.path))
        for change in diff.files
    )
    card = await reader.card() if CARD in paths else None
    configs = [
        await reader.config(change.path)
        for change in diff.files
        if change.path.rpartition("/")[2] == "config.json" and change.kind is ChangeKind.CHANGED
    ]
    return Review(diff, files, card, tuple(one for one in configs if one is not None))


class _Reader:
    """Reads both sides of what changed."""

    def __init__(
        self, db: AsyncSession, storage: BlobStore, repository: Repository, changes: Changes
    ) -> None:
        self._db = db
        self._storage = storage
        self._repository = repository
        self._revs = (changes.base, changes.head)

    async def _files(self, rev: str, paths: list[str]) -> dict[str, TreeFile]:
        if not rev or not paths:
            return {}
        items = await hub.find_paths(self._db, self._repository, rev, paths, expand=False)
        return {item.path: item for item in items if isinstance(item, TreeFile)}

    async def large_files(self, paths: list[str]) -> dict[str, LargeFile]:
        """Return sizes and hashes of what has no lines to show."""
        before, after = [await self._files(rev, paths) for rev in self._revs]
        return {path: LargeFile(before.get(path), after.get(path)) for path in paths}

    async def _texts(self, path: str) -> list[str]:
        found = []
        for rev in self._revs:
            file = (await self._files(rev, [path])).get(path)
            if file is None or file.lfs_sha256 or file.size > _MAX_BYTES:
                found.append("")
                continue
            handle = await hub.open_file(self._db, self._storage, self._repository, rev, path)
            found.append((await handle.read_all()).decode("utf-8", "replace"))
        return found

    async def card(self) -> CardReview:
        """Return how the card changes."""
        is_dataset = self._repository.kind is RepositoryKind.DATASET
        before, after = [
            hub.parse_card(text, is_dataset=is_dataset) for text in await self._texts(CARD)
        ]
        rows = _rows(before.metadata, after.metadata, _as_yaml)
        return CardReview(rows, before.body, after.body)

    async def config(self, path: str) -> ConfigReview | None:
        """Return how a JSON file changes; None where one side is no JSON object."""
        try:
            sides = [json.loads(text) for text in await self._texts(path)]
        except (ValueError, RecursionError):
            return None
        if not all(isinstance(side, dict) for side in sides):
            return None
        before, after = [_flat(side) for side in sides]
        return ConfigReview(path, _rows(before, after, _as_json))


def _flat(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict) and item and depth < 8:  # noqa: PLR2004  # deeper ones stay whole
            found |= _flat(item, f"{prefix}{name}.", depth + 1)
        else:
            found[f"{prefix}{name}"] = item
    return found


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:_MAX_VALUE]


def _as_yaml(value: object) -> str:
    if isinstance(value, str | int | float | bool):
        return str(value)[:_MAX_VALUE]
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(map(str, value))[:_MAX_VALUE]
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False)[:_MAX_VALUE].strip()


def _rows(before: Mapping[str, Any], after: Mapping[str, Any], shown: Any) -> tuple[Row, ...]:
    names = [*before, *(name for name in after if name not in before)]
    changed = [name for name in names if before.get(name) != after.get(name)]
    return tuple(
        Row(
            str(name),
            shown(before[name]) if name in before else None,
            shown(after[name]) if name in after else None,
        )
        for name in changed[:_MAX_ROWS]
    )
