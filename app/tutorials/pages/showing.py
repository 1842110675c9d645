"""Putting the page of one tutorial together: its text in pieces, and a panel for each recipe."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from app.accounts import service as accounts
from app.core import i18n
from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.highlight import highlighted
from app.core.http import site_address
from app.core.markdown import Heading, render_markdown, render_slotted
from app.core.security import Viewer
from app.core.templating import render
from app.tutorials.pages.spread import (
    SpreadPicture,
    claim_words,
    median_words,
    spread_picture,
    told,
)
from app.tutorials.schemas import RecipeBlock, Reproduction, TutorialPage, TutorialText
from app.tutorials.service import checks, family, running, series, talking
from app.tutorials.service.reading import reading_minutes
from app.tutorials.service.recipes import LANGUAGE, blocks_of
from app.tutorials.service.variants import pruned

_FEWEST_HEADINGS = 3
_DEEPEST = 3
# So many recipes of a family stand on the tutorial's own page.
_FEW = 8


@dataclass(frozen=True)
class Trouble:
    """What went wrong with something done on the page: to a recipe, or with a comment's words."""

    error: AppError
    block: int = 0
    words: str = ""


class RecipePanel(NamedTuple):
    """A recipe as the page shows it: its text in colours, its claim, and what runs came to."""

    block: RecipeBlock
    code: Markup
    found: Reproduction
    claim: str
    median: str
    picture: SpreadPicture | None


def panels(blocks: Sequence[RecipeBlock], found: Sequence[Reproduction]) -> list[RecipePanel]:
    """Return the panels of a text's recipes, in order."""
    return [
        RecipePanel(
            block,
            highlighted(block.text, language="yaml"),
            reproduction,
            claim_words(block.claim) if block.claim else "",
            median_words(reproduction),
            spread_picture(reproduction),
        )
        for block, reproduction in zip(blocks, found, strict=True)
    ]


def preview_of(text: TutorialText) -> Markup:
    """Return how a draft looks, by the renderer of the page itself; recipes as their text."""
    return render_markdown(text.body)


def contents_of(headings: Sequence[Heading]) -> list[Heading]:
    """Return the headings a table of contents shows; none of a text that has only few."""
    shown = [heading for heading in headings if heading.level <= _DEEPEST]
    return shown if len(shown) >= _FEWEST_HEADINGS else []


async def tutorial_page(
    request: Request,
    db: AsyncSession,
    viewer: Viewer,
    page: TutorialPage,
    trouble: Trouble | None = None,
) -> HTMLResponse:
    """Return the page of a tutorial."""
    blocks = blocks_of(page.text.body)
    found = await running.reproductions(db, viewer, page, blocks)
    families = await family.families(db, viewer, page, blocks)
    text = render_slotted(page.text.body, LANGUAGE)
    check = await checks.standing(db, page.id) if blocks else None
    keeps = viewer.is_moderator or viewer.is_admin or _is_own(viewer, page)
    chapters = (
        await series.series_view(db, viewer, page.series_id, page.text.language)
        if page.series_id
        else None
    )
    cursor = request.query_params.get("cursor", "")
    thread = await talking.thread_of(db, page, int(cursor) if _is_number(cursor) else 0, viewer)
    site = site_address(request)
    minutes = reading_minutes(page.text.body)
    return render(
        request,
        "tutorials/show.html",
        viewer=viewer,
        status=trouble.error.status if trouble else 200,
        page=page,
        text=text,
        contents=contents_of(text.headings),
        panels=panels(blocks, found),
        families={one.number: one for one in families if one.num_variants},
        pruned=lambda one: pruned(one.root, _FEW),
        origin_of=family.origin_of,
        minutes=minutes,
        series=chapters,
        beside=chapters.beside(page.id) if chapters else (None, None),
        is_read=page.id in {one.id for one in chapters.chapters if one.is_read}
        if chapters
        else await series.has_read(db, viewer, page.id),
        comments=thread.items,
        next_cursor=thread.next_cursor,
        blocked=await accounts.blocked_among(db, viewer, {one.author_id for one in thread.items}),
        is_own=_is_own(viewer, page),
        check=check,
        is_watched=keeps and bool(blocks) and await checks.is_watched(db, page.id),
        site=site,
        linked_data=linked_data(page, site, minutes, text.headings),
        trouble=trouble,
        told=told,
        reader_language=i18n.language(),
    )


def _is_own(viewer: Viewer, page: TutorialPage) -> bool:
    # As in `policy.may_write`: what came with the site is nobody's.
    return page.owner_id is not None and viewer.may_steer(page.owner_id)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 19  # noqa: PLR2004  # fits the column


def linked_data(page: TutorialPage, site: str, minutes: int, headings: Sequence[Heading]) -> Markup:
    """Return what search engines read, as JSON that no text can break out of."""
    address = f"{site}/tutorials/{page.slug}?lang={page.text.language}"
    author = {"@type": "Person", "name": page.owner, "url": f"{site}/{page.owner}"}
    house = {"@type": "Organization", "name": "Tuningfork", "url": site}
    told_as: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": ["TechArticle", "HowTo"] if headings else "TechArticle",
        "headline": page.text.title,
        "name": page.text.title,
        "description": page.text.summary,
        "inLanguage": page.text.language,
        "datePublished": page.published_at.isoformat(),
        "version": str(page.number),
        "url": address,
        "mainEntityOfPage": address,
        "author": author if page.owner else house,
        "publisher": house,
        "timeRequired": f"PT{minutes}M",
    }
    if headings:
        told_as["step"] = [
            {"@type": "HowToStep", "name": one.title, "url": f"{address}#{one.name}"}
            for one in headings
            if one.level <= _DEEPEST
        ]
    text = json.dumps(told_as, ensure_ascii=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704  # without the signs that end a script
