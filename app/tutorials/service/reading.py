"""Reading tutorials: lists, one version of one, and what search wants to know."""

import asyncio
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.tutorials import queries
from app.tutorials.policy import may_read_held, missing
from app.tutorials.schemas import PublishedText, TutorialPage, TutorialRow
from app.tutorials.service.publishing import text_of
from app.tutorials.tables import Tutorial, TutorialVersion

PAGE = 30
# People read about so many Chinese characters, or English words, in a minute of a technical text.
_CHARACTERS_A_MINUTE = 350
_WORDS_A_MINUTE = 200
_FENCE = re.compile(r" {0,3}(?:(`{3,})[^`]*|(~{3,}).*)")
_WIDE = re.compile(r"[㐀-鿿豈-﫿]")
_WORD = re.compile(r"[A-Za-z0-9]+(?:['’-][A-Za-z0-9]+)*")


def reading_minutes(text: str) -> int:
    """Return how many minutes a text takes, Chinese and English alike; code counts as nothing."""
    plain = "\n".join(_prose(text))
    num_wide = len(_WIDE.findall(plain))
    num_words = len(_WORD.findall(plain))
    return max(1, round(num_wide / _CHARACTERS_A_MINUTE + num_words / _WORDS_A_MINUTE))


def _prose(text: str) -> Iterator[str]:
    """Yield the lines that stand in no block of code; one without an end goes to the last line."""
    fence = ""
    for line in text.split("\n"):
        if fence:
            mark = line.strip()
            if mark.startswith(fence) and not mark.strip(fence[0]):
                fence = ""
        elif opening := _FENCE.fullmatch(line):
            fence = opening[1] or opening[2]
        else:
            yield line


def title_in(titles: Mapping[str, str], language: str) -> str:
    """Return the title of a series in a language, in another where it has none."""
    return titles.get(language) or next(iter(titles.values()), "")


async def newest(
    db: AsyncSession, language: str, cursor: str = "", limit: int = PAGE
) -> Page[TutorialRow]:
    """Return the newest published tutorials, each in `language` where it is written in it.

    Raises:
        BadRequestError: the cursor is not one of ours.
    """
    before = None
    if cursor:
        (number,) = decode_cursor(cursor, 1)
        before = number if isinstance(number, int) and 0 <= number < 2**63 else 0
    found = await queries.newest_tutorials(db, language, limit + 1, before)
    shown = found[:limit]
    names = await accounts.names_of(db, {one.owner_id for one, _version in shown})
    series = await queries.series_titles(db, {one.series_id for one, _v in shown if one.series_id})
    more = len(found) > limit
    bodies = [version.body for _one, version in shown]
    minutes = await asyncio.to_thread(lambda: [reading_minutes(body) for body in bodies])
    rows = [
        TutorialRow(
            id=one.id,
            slug=one.slug,
            language=version.language,
            title=version.title,
            summary=version.summary,
            published_at=version.published_at,
            minutes=num_minutes,
            owner=names.get(one.owner_id, ""),
            series=title_in(series[one.series_id], language) if one.series_id in series else "",
            chapter=one.chapter,
        )
        for (one, version), num_minutes in zip(shown, minutes, strict=True)
    ]
    return Page(rows, encode_cursor([shown[-1][0].id]) if more else None)


async def read(
    db: AsyncSession,
    slug: str,
    language: str,
    number: int | None = None,
    viewer: Viewer | None = None,
) -> TutorialPage:
    """Return a version of a tutorial, in `language` if there is one; the newest without a number.

    What the moderators hold is for its owner and them.

    Raises:
        NotFoundError: there is no such tutorial, or no such version in this language.
    """
    tutorial = await queries.find_tutorial(db, slug)
    # Without a version it is a draft, which nobody reads here.
    newest_ones = await queries.newest_versions(db, tutorial.id) if tutorial else ()
    if tutorial is None or not newest_ones or not may_read_held(viewer, tutorial):
        raise missing()
    best = next((v for v in newest_ones if v.language == language), newest_ones[0])
    shown = best
    if number is not None and number != best.number:
        found = await queries.find_version(db, tutorial.id, best.language, number)
        if found is None:
            raise NotFoundError(
                _("This tutorial has no such version."), fix=_("Look through its history.")
            )
        shown = found
    names = await accounts.names_of(db, [tutorial.owner_id])
    numbers = {version.language: version.number for version in newest_ones}
    return _page(tutorial, shown, numbers, names)


def _page(
    tutorial: Tutorial,
    shown: TutorialVersion,
    numbers: dict[str, int],
    names: Mapping[int | None, str],
) -> TutorialPage:
    is_translation = shown.language != tutorial.language and tutorial.language in numbers
    source_newest = numbers.get(tutorial.language, 0)
    return TutorialPage(
        id=tutorial.id,
        version_id=shown.id,
        slug=tutorial.slug,
        text=text_of(shown),
        number=shown.number,
        newest_number=numbers[shown.language],
        published_at=shown.published_at,
        languages=tuple(numbers),
        source_language=tutorial.language,
        owner_id=tutorial.owner_id,
        owner=names.get(tutorial.owner_id, ""),
        series_id=tutorial.series_id,
        thread_id=tutorial.thread_id,
        is_held=tutorial.held_at is not None,
        source_number=shown.source_number,
        behind=max(0, source_newest - shown.source_number)
        if is_translation and shown.source_number
        else 0,
    )


async def present_slug(db: AsyncSession, slug: str) -> str | None:
    """Return where the tutorial stands now that stood at an address before; None if none did."""
    return await queries.present_slug(db, slug)


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when tutorials got versions after a moment, and their ids, the earliest first."""
    return await queries.changed_since(db, moment, after_id, limit)


async def published_ids(db: AsyncSession, ids: Collection[int]) -> set[int]:
    """Return those of some tutorials that everybody may read, without a word of them."""
    return await queries.published_among(db, ids)


def is_shown(number: Any) -> ColumnElement[bool]:
    """Return the condition that everybody may read the published tutorial of this number."""
    return queries.is_shown(number)


async def newest_texts(db: AsyncSession, ids: Collection[int]) -> list[PublishedText]:
    """Return the newest text of tutorials in each of their languages, of held ones too."""
    slugs = await queries.slugs(db, ids)
    return [
        PublishedText(
            version.tutorial_id, slugs[version.tutorial_id], text_of(version), version.published_at
        )
        for version in await queries.newest_of_each(db, slugs)
    ]
