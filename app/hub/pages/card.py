"""The first page of a repository: its card, and what is known about it beside."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.http import Db, site_address
from app.core.markdown import Links, render_markdown
from app.core.markdown_cjk import language_of
from app.core.storage import BlobStore
from app.hub.card import Card, Metric, parse_card
from app.hub.pages.opening import Readable, Storage, at_both, show
from app.hub.schemas import MAIN, FileHandle
from app.hub.service import access, files, popularity, repositories
from app.hub.service.frames import Frame
from app.hub.service.snippets import code_of_card, snippets

router = APIRouter(include_in_schema=False)
_CARD_BYTES = 1 << 20
# A tag such as `license:mit` or `base_model:a/b` repeats what stands elsewhere on the page.
_REPEATED = ("license:", "base_model:", "dataset:", "language:", "region:")


@dataclass(frozen=True)
class Weights:
    """What the header of a safetensors file says: how many numbers, of which types."""

    total: int
    types: tuple[str, ...]


@at_both(router, "")
async def card_page(request: Request, db: Db, at: Readable, storage: Storage) -> HTMLResponse:
    """Show the card of a repository, rendered, with its facts."""
    card, body = await _card(db, storage, at)
    is_gated = bool(at.repository.gated) and not at.can_open
    recent, ever, raw = await popularity.downloads_now(db, at.repository)
    children = await repositories.derived_from(db, at.viewer, at.repository, limit=8)
    return show(
        request,
        "hub/card.html",
        at,
        body=body,
        use=snippets(at.repository, site_address(request), code_of_card(card.body)),
        card_language=language_of(card.body),
        problems=card.problems,
        metrics=card.metrics[:8],
        metric_value=metric_value,
        weights=weights_of(at.repository.weights),
        error="",
        given={},
        gate=access.gate_of(at.repository) if is_gated else None,
        asked=await access.request_of(db, at.viewer, at.repository) if is_gated else None,
        downloads={"recent": recent, "ever": ever, "raw": raw},
        trending=popularity.trending_score(at.repository.trending),
        bases=card.base_models,
        datasets=card.datasets,
        children=children,
        tags=_own_tags(at, card),
    )


async def _card(db: AsyncSession, storage: BlobStore, at: Frame) -> tuple[Card, Markup]:
    file = await _find(db, storage, at, "README.md")
    if file is None:
        return Card(), Markup()
    raw = await file.read_all(0, min(file.size, _CARD_BYTES))
    card = parse_card(raw.decode("utf-8", "replace"), is_dataset=not at.is_model)
    links = Links(f"{at.url}/blob/{MAIN}/", f"{at.url}/resolve/{MAIN}/")
    # A long card takes tens of milliseconds, which other requests must not wait for.
    return card, await asyncio.to_thread(render_markdown, card.body, links)


async def _find(db: AsyncSession, storage: BlobStore, at: Frame, path: str) -> FileHandle | None:
    try:
        return await files.open_file(db, storage, at.repository, MAIN, path)
    except NotFoundError:
        return None


def weights_of(counted: Mapping[str, Any]) -> Weights | None:
    """Return what is known of the weights on `main`, counted when they were committed."""
    types = counted.get("parameters")
    if not isinstance(types, dict) or not types:
        return None
    return Weights(int(counted.get("total", 0)), tuple(sorted(types)))


def _own_tags(at: Frame, card: Card) -> Sequence[str]:
    shown = {at.repository.task, at.repository.library, *card.languages}
    return [tag for tag in card.tags if tag not in shown and not tag.startswith(_REPEATED)][:30]


def metric_value(metric: Metric) -> str:
    """Return a metric as people read it: fractions of known shares as percentages."""
    try:
        value: Any = float(metric.value)
    except ValueError:
        return metric.value
    shares = {"accuracy", "f1", "precision", "recall", "top1", "top5", "balanced_accuracy"}
    if metric.metric.lower() in shares and 0 <= value <= 1:
        return f"{value * 100:.2f} %"
    return f"{value:.4g}"
