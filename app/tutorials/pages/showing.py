"""Putting the page of one tutorial together: its text in pieces, and a panel for each recipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.highlight import highlighted
from app.core.http import site_address
from app.core.markdown import Slotted, render_slotted
from app.core.security import Viewer
from app.core.templating import render
from app.tutorials.pages.spread import (
    SpreadPicture,
    claim_words,
    median_words,
    spread_picture,
    told,
)
from app.tutorials.schemas import RecipeBlock, Reproduction, TutorialPage
from app.tutorials.service import running
from app.tutorials.service.reading import reading_minutes
from app.tutorials.service.recipes import LANGUAGE, blocks_of


@dataclass(frozen=True)
class Trouble:
    """What went wrong with something done on the page; `block` is the recipe it was done to."""

    error: AppError
    block: int = 0


class RecipePanel(NamedTuple):
    """A recipe as the page shows it: its text in colours, its claim, and what runs came to."""

    block: RecipeBlock
    code: str
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


def slotted(page: TutorialPage) -> Slotted:
    """Return the text in pieces, its recipes left out."""
    return render_slotted(page.text.body, LANGUAGE)


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
    return render(
        request,
        "tutorials/show.html",
        viewer=viewer,
        status=trouble.error.status if trouble else 200,
        page=page,
        text=slotted(page),
        panels=panels(blocks, found),
        minutes=reading_minutes(page.text.body),
        site=site_address(request),
        trouble=trouble,
        told=told,
    )
