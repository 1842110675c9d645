"""Ranking without a site: names of local folders and libraries become a plan, results a table."""

from pathlib import Path

import yaml

from worker.alone import Search, find_base, find_data
from worker.contract.attempt import CACHE_FOLDER, RESULT_FOLDER
from worker.contract.rank import (
    SCORES,
    CandidateBase,
    CandidateResult,
    RankExamination,
    RankRequest,
    RankResult,
    examine_ranking,
)
from worker.contract.recipe import Base
from worker.places import BasePlace, RankPlaces
from worker.rank import RESULT_FILE

_HEADINGS = ("place", "base", "probe", "95 %", "kNN", *SCORES.values(), "params", "s", "licence")


def prepare_ranking(
    request: RankRequest, search: Search, out: Path
) -> tuple[RankExamination, RankPlaces]:
    """Return the doctor's answer for a request, and where everything lies.

    Args:
        request: what to compare.
        search: where folders are looked for.
        out: where the result and the features go.

    Raises:
        RunError: a base or the data were not found.
    """
    data, data_folder = find_data(request.data.train, request.data.columns, search)
    bases, places = [], []
    for wanted in request.candidates:
        base, weights = find_base(wanted, search)
        folder = search.folder(wanted.repo)
        size = weights.stat().st_size if weights else 0
        bases.append(CandidateBase(base, _license(folder), size))
        places.append(BasePlace(weights, folder))
    return examine_ranking(request, bases, data), RankPlaces(
        data_folder, places, out, out / CACHE_FOLDER
    )


def _license(folder: Path | None) -> str:
    """Return the licence that the card of a model names, or nothing."""
    card = folder / "README.md" if folder else None
    if card is None or not card.is_file():
        return ""
    parts = card.read_text(encoding="utf-8", errors="replace").split("---\n", 2)
    try:
        matter = yaml.safe_load(parts[1]) if len(parts) > 2 and not parts[0] else None  # noqa: PLR2004 - before, matter, text
    except yaml.YAMLError:
        return ""
    return str(matter.get("license", "")) if isinstance(matter, dict) else ""


def keep_result(out: Path) -> Path:
    """Move the result to where people look for it; return the file."""
    target = out / RESULT_FILE
    (out / RESULT_FOLDER / RESULT_FILE).replace(target)
    for folder in (out / RESULT_FOLDER, (out / RESULT_FOLDER).parent):
        folder.rmdir()
    return target


def table(result: RankResult) -> str:
    """Return a ranking as lines of text, best probe first."""
    rows = [_HEADINGS, *(_row(item, n) for n, item in enumerate(result.measured, start=1))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADINGS))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    lines += [
        f"not measured: {_name(item)}: {item.failure.sentence} {item.failure.detail}"
        for item in result.candidates
        if item.failure is not None
    ]
    lines.append(
        f"{result.num_samples} samples, {len(result.classes)} classes, {result.seconds:.0f} s; "
        f"{_agreement(result)}"
    )
    return "\n".join(line.rstrip() for line in lines)


def _row(item: CandidateResult, place: int) -> tuple[str, ...]:
    probe, knn = item.probe, item.knn
    shown = f"{item.rank_low}–{item.rank_high}" if item.rank_low < item.rank_high else ""
    return (
        f"{place} {f'({shown})' if shown else ''}".strip(),
        _name(item),
        f"{probe.value:.1%}" if probe else "–",
        f"{probe.low:.1%}–{probe.high:.1%}" if probe else "–",
        f"{knn.value:.1%}" if knn else "–",
        *(f"{item.scores[name]:.3f}" if name in item.scores else "–" for name in SCORES),
        f"{item.total_count / 1e6:.1f} M",
        f"{item.feature_seconds + item.score_seconds:.1f}",
        item.license or "–",
    )


def _name(item: CandidateResult | Base) -> str:
    return item.repo if item.weights == "pretrained" else f"{item.repo} (random)"


def _agreement(result: RankResult) -> str:
    if result.agreement is None:
        return "too few candidates to say whether the measures agree"
    return f"agreement of the measures {result.agreement:.2f}"
