"""From all that is known of a data set to what a person sees at a glance."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from app.core.i18n import _
from app.datasets.schemas import (
    CandidateOut,
    ClassOut,
    FindingOut,
    Glance,
    InventoryOut,
    LengthOut,
    Preview,
    PreviewOut,
    SampleGlance,
    SampleOut,
)
from worker.contract.doctor import check_inventory
from worker.contract.inventory import DataInventory, FileFact
from worker.contract.items import Candidate, Layout
from worker.contract.samples import sample_of

_PREVIEW_ROWS = 5
_BINS = 12


def glance_of(inventory: DataInventory, pictures: Mapping[str, str], *, is_packed: bool) -> Glance:
    """Return the summary of an inventory; `pictures` are data addresses of samples by path."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for fact in inventory.facts:
        for name in fact.classes:
            counts[name][fact.split or ""] += 1
    return Glance(
        kind=inventory.kind,
        media=inventory.media,
        fields=list(inventory.fields),
        num_examples=len(inventory.facts),
        split_counts=_split_counts(inventory.facts),
        classes=[
            ClassOut(label=label, counts=dict(splits), total=splits.total())
            for label, splits in sorted(counts.items())
        ],
        splits=list(inventory.splits),
        lengths=_lengths(inventory.facts),
        samples=[
            SampleGlance(**sample.model_dump(), picture=pictures.get(sample.path, ""))
            for sample in inventory.samples
        ],
        candidates=list(inventory.candidates),
        columns=list(inventory.columns),
        mapping=inventory.mapping,
        notes=inventory.notes,
        findings=check_inventory(inventory),
        is_packed=is_packed,
    )


def _split_counts(facts: Sequence[FileFact]) -> dict[str, int]:
    """Return how many examples each split has, in the order in which they are used."""
    counts = Counter(fact.split or "" for fact in facts)
    usual = [name for name in ("train", "validation", "test") if name in counts]
    return {name: counts[name] for name in (*usual, *sorted(counts.keys() - set(usual)))}


def _lengths(facts: Sequence[FileFact]) -> list[LengthOut]:
    """Return how many examples are how long: seconds of recordings, else characters or tokens."""
    values = [fact.seconds or float(fact.length) for fact in facts if fact.seconds or fact.length]
    if not values:
        return []
    ordered = sorted(values)
    # The longest hundredth would press all others into the first bar.
    top = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    step = _round_step(top / _BINS)
    counts = Counter(min(int(value / step), _BINS - 1) for value in values)
    last = max(counts)
    return [LengthOut(start=round(n * step, 3), count=counts[n]) for n in range(last + 1)]


def _round_step(step: float) -> float:
    """Return the next number of 1, 2, 5, 10 … that is not smaller."""
    size = 0.01
    while size * 10 < step:
        size *= 10
    return next(size * n for n in (1, 2, 5, 10) if size * n >= step)


def overview_of(name: str, commit: str, glance: Glance) -> InventoryOut:
    """Return a glance in the reader's language, with the addresses of its samples."""
    return InventoryOut(
        repo=name,
        commit=commit,
        kind=glance.kind,
        kind_name=kind_name(glance.kind),
        media=glance.media,
        fields=glance.fields,
        num_examples=glance.num_examples,
        split_counts=glance.split_counts,
        classes=glance.classes,
        splits=glance.splits,
        lengths=glance.lengths,
        samples=[_sample(name, commit, sample, glance) for sample in glance.samples],
        candidates=[_candidate(candidate) for candidate in glance.candidates],
        columns=glance.columns,
        mapping=glance.mapping,
        notes=glance.notes,
        findings=[FindingOut.of(finding) for finding in glance.findings],
    )


def _candidate(candidate: Candidate) -> CandidateOut:
    return CandidateOut(
        format=candidate.format,
        name=kind_name(candidate.format),
        score=candidate.score,
        reason=_(candidate.reason).format(**candidate.params),
    )


def _sample(name: str, commit: str, sample: SampleGlance, glance: Glance) -> SampleOut:
    # What lies inside another file has no address of its own.
    has_address = glance.media in {"image", "audio"} and not glance.is_packed
    address = f"/datasets/{name}/resolve/{commit}/{quote(sample.path)}"
    return SampleOut(**sample.model_dump(), url=address if has_address else "")


def preview_of(layout: Layout) -> Preview:
    """Return the first rows of a layout."""
    return Preview(
        kind=layout.kind,
        media=layout.media,
        num_examples=len(layout.items),
        rows=[sample_of(item) for item in layout.items[:_PREVIEW_ROWS]],
        candidates=list(layout.candidates),
        columns=list(layout.columns),
        mapping=layout.mapping,
        findings=list(layout.findings),
    )


def preview_out(name: str, commit: str, preview: Preview) -> PreviewOut:
    """Return a preview in the reader's language."""
    return PreviewOut(
        repo=name,
        commit=commit,
        kind=preview.kind,
        kind_name=kind_name(preview.kind),
        media=preview.media,
        num_examples=preview.num_examples,
        rows=[SampleOut(**row.model_dump(), picture="", url="") for row in preview.rows],
        candidates=[_candidate(candidate) for candidate in preview.candidates],
        columns=preview.columns,
        mapping=preview.mapping,
        findings=[FindingOut.of(finding) for finding in preview.findings],
    )


def kind_name(kind: str) -> str:
    """Return what a format is called, in the reader's language."""
    return {
        "image-folder": _("Class folders of pictures"),
        "image-table": _("Table of pictures"),
        "parquet-image": _("Pictures in Parquet files"),
        "audio-folder": _("Class folders of recordings"),
        "audio-table": _("Table of recordings"),
        "parquet-audio": _("Recordings in Parquet files"),
        "text-table": _("Table of texts"),
        "text-folder": _("Class folders of texts"),
        "conll": _("Tokens with tags (CoNLL)"),
        "squad": _("Questions and answers (SQuAD)"),
        "chat": _("Conversations"),
        "interactions": _("Users and items"),
        "coco": _("Boxes (COCO)"),
        "voc": _("Boxes (Pascal VOC)"),
        "yolo": _("Boxes (YOLO)"),
        "masks": _("Pictures with masks"),
        "idx": _("Arrays of pictures (IDX)"),
        "npz": _("Arrays of pictures (NPZ)"),
        "cifar-batches": _("Arrays of pictures (CIFAR)"),
        "none": _("Not recognised"),
    }.get(kind, kind)
