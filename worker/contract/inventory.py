"""What is in a data set: one fact per example, enough to plan, check and pin it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import Field, JsonValue

from worker.contract.base import Wire, canonical_json, digest
from worker.contract.facts import FileFact
from worker.contract.findings import Finding, found
from worker.contract.images import MAX_IMAGE_BYTES, ImageProbe, probe_image
from worker.contract.items import (
    TARGETS,
    TASK_VALUE,
    Candidate,
    Item,
    Layout,
    Media,
    canonical_split,
)
from worker.contract.layout import detect_layout
from worker.contract.recipe import Columns
from worker.contract.samples import Sample, samples_of
from worker.contract.sounds import SoundProbe, probe_sound
from worker.contract.sources import ArchiveError, FileSource, unpacked

__all__ = [
    "DataInventory",
    "FileFact",
    "MediaFacts",
    "OpenData",
    "fact_of",
    "inventory_from",
    "inventory_of",
    "look_at",
    "open_data",
    "take_inventory",
]
_DEFAULT = Columns()
_TEXTS = ("text", "text_pair", "question", "context", "messages")


class DataInventory(Wire):
    """Everything the doctor and the plan need to know about a data set revision.

    `kind` is the name of a format (`worker.contract.formats`); `fields` is what every example
    has: `image` or `audio`, `label`, `labels`, and the names of its values.
    """

    schema_version: int = 2
    kind: str = "none"
    media: Media = "none"
    fields: tuple[str, ...] = ()
    facts: tuple[FileFact, ...] = ()
    findings: tuple[Finding, ...] = ()
    empty_classes: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    columns: tuple[str, ...] = ()
    mapping: dict[str, str] = Field(default_factory=dict)
    notes: dict[str, str] = Field(default_factory=dict)
    samples: tuple[Sample, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the data set itself names, sorted."""
        return tuple(sorted({fact.split for fact in self.facts if fact.split is not None}))

    @property
    def tree_sha256(self) -> str:
        """The identity of the examples: names, classes, splits and contents."""
        rows = sorted([f.key, f.label, f.split or "", f.sha256] for f in self.facts)
        return digest([list(row) for row in rows])

    def of_split(self, split: str | None) -> tuple[FileFact, ...]:
        """Return the examples of a split by any of its usual names; all for None."""
        if split is None:
            return self.facts
        wanted = canonical_split(split)
        return tuple(fact for fact in self.facts if fact.split == wanted)


@dataclass(frozen=True)
class MediaFacts:
    """What a look at a media file told: its bytes' identity and what kind of bytes they are."""

    sha256: str
    size: int
    image: ImageProbe = field(default_factory=ImageProbe)
    sound: SoundProbe = field(default_factory=SoundProbe)


@dataclass
class OpenData:
    """A data set opened for reading: its files (inside of a zip file, or not) and its layout."""

    files: FileSource
    layout: Layout

    def rows(self, facts: Sequence[FileFact]) -> list[Item]:
        """Return the canonical rows of facts (those of a split), in their order."""
        items = {item.key: item for item in self.layout.items}
        return [items[fact.key] for fact in facts]


def open_data(source: FileSource, columns: Columns = _DEFAULT) -> OpenData:
    """Return a data set opened for reading, the only zip file of it included.

    Raises:
        ArchiveError: the zip file may not be opened.
    """
    files = unpacked(source)
    layout = detect_layout(files, columns)
    return OpenData(layout.files or files, layout)


def take_inventory(
    source: FileSource,
    columns: Columns = _DEFAULT,
    progress: Callable[[int, int], None] | None = None,
    *,
    probe: bool = True,
) -> DataInventory:
    """Look at every example once and return the facts; damage is told, never raised.

    Args:
        source: the files of one data set revision, a single zip file included.
        columns: names of the columns when the data set is a table.
        progress: called with (examples done, examples in all).
        probe: False only hashes the files, for a worker that decodes them anyway.
    """
    try:
        return inventory_of(open_data(source, columns), progress, probe=probe)
    except ArchiveError as error:
        return DataInventory(findings=(found("ARCHIVE_INVALID", reason=str(error)),))


def inventory_of(
    data: OpenData, progress: Callable[[int, int], None] | None = None, *, probe: bool = True
) -> DataInventory:
    """Return the facts of a data set that is open.

    Raises:
        ArchiveError: an entry of a zip file is damaged.
    """
    items, media = data.layout.items, data.layout.media
    facts = []
    for done, item in enumerate(items, start=1):
        looks = None
        if media in {"image", "audio"}:
            looks = _looks(data.files, item.path, media, probe=probe)
        facts.append(fact_of(item, media, looks))
        if progress is not None:
            progress(done, len(items))
    return inventory_from(data.layout, facts)


def _looks(files: FileSource, path: str, media: Media, *, probe: bool) -> MediaFacts:
    size = files.size(path)
    if size > MAX_IMAGE_BYTES:
        error = "the file is larger than 64 MB"
        return MediaFacts("", size, ImageProbe(error=error), SoundProbe(error=error))
    return look_at(files.read(path), media, probe=probe)


def inventory_from(layout: Layout, facts: Sequence[FileFact]) -> DataInventory:
    """Return the inventory of a layout whose facts are known."""
    return DataInventory(
        kind=layout.kind,
        media=layout.media,
        fields=layout.fields,
        facts=tuple(facts),
        findings=tuple(layout.findings),
        empty_classes=tuple(layout.empty_classes),
        candidates=tuple(layout.candidates),
        columns=layout.columns,
        mapping=layout.mapping,
        notes=layout.notes,
        samples=tuple(samples_of(layout, facts)),
    )


def look_at(content: bytes, media: Media, *, probe: bool = True) -> MediaFacts:
    """Return the identity of a media file, and what it holds if it is to be probed."""
    sha256 = hashlib.sha256(content).hexdigest()
    image = probe_image(content) if probe and media == "image" else ImageProbe()
    sound = probe_sound(content) if probe and media == "audio" else SoundProbe()
    return MediaFacts(sha256, len(content), image, sound)


def fact_of(item: Item, media: Media, looks: MediaFacts | None) -> FileFact:
    """Return the fact of an item; `looks` is None where the row itself is the content."""
    values = dict(item.values)
    text = canonical_json(values)
    if looks is None:
        sha256, size = _sha256(text), len(text)
        content = _sha256(item.content(media)) if _has_targets(values) else sha256
    elif values:
        content, size = looks.sha256, looks.size
        sha256 = _sha256(f"{content}{text}")
    else:
        sha256 = content = looks.sha256
        size = looks.size
    image, sound = (looks.image, looks.sound) if looks else (ImageProbe(), SoundProbe())
    return FileFact(
        path=item.path,
        size=size,
        sha256=sha256,
        label=item.label,
        split=item.split,
        width=image.width,
        height=image.height,
        mode=image.mode or (f"{sound.rate} Hz" if sound.rate else ""),
        frames=image.frames,
        error=sound.error if media == "audio" else image.error,
        row=item.row,
        labels=item.labels,
        group=item.group,
        length=_length(values),
        seconds=sound.seconds,
        content_sha256="" if content == sha256 else content,
        order=_order(values),
    )


def _has_targets(values: dict[str, JsonValue]) -> bool:
    return any(name in TARGETS or name.startswith(TASK_VALUE) for name in values)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _length(values: dict[str, JsonValue]) -> int:
    """Return how long the text of an example is: its tokens, or all its characters."""
    tokens = values.get("tokens")
    if isinstance(tokens, list):
        return len(tokens)
    return sum(
        _characters(values.get(name)) for name in ("text", "question", "context", "messages")
    )


def _characters(value: JsonValue) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(_characters(part) for part in value)
    return _characters(value.get("content")) if isinstance(value, dict) else 0


def _order(values: dict[str, JsonValue]) -> float | None:
    when = values.get("timestamp")
    return float(when) if isinstance(when, int | float) else None
