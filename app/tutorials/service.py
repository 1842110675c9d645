"""Publish tutorials and read them."""

import re
from collections.abc import Collection
from datetime import datetime
from importlib.resources import files

from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import LANGUAGES, _
from app.tutorials import queries
from app.tutorials.schemas import PublishedText, TutorialPage, TutorialRow, TutorialText
from app.tutorials.tables import Tutorial, TutorialVersion

STARTER_SLUG = "first-fine-tune"
MOST_LISTED = 100


async def publish(db: AsyncSession, slug: str, text: TutorialText) -> int:
    """Publish `text` under `slug`; return its version number.

    Publishing the text that is already the newest one changes nothing.
    """
    tutorial = await queries.find_tutorial(db, slug)
    if tutorial is None:
        tutorial = Tutorial(slug=slug)
        db.add(tutorial)
        await db.flush()
    for version in await queries.newest_versions(db, tutorial.id):
        if _text(version) == text:
            return version.number
    number = 1 + await queries.last_number(db, tutorial.id, text.language)
    db.add(
        TutorialVersion(
            tutorial_id=tutorial.id,
            language=text.language,
            number=number,
            title=text.title,
            summary=text.summary,
            body=text.body,
        )
    )
    await db.flush()
    return number


async def publish_starter(db: AsyncSession) -> None:
    """Publish the tutorial every new site begins with, in each language."""
    for language in LANGUAGES:
        name = f"{STARTER_SLUG}.{language}.md"
        source = files("app.tutorials").joinpath("starter", name).read_text(encoding="utf-8")
        await publish(db, STARTER_SLUG, parse_text(language, source))


def parse_text(language: str, source: str) -> TutorialText:
    """Return the text of a Markdown file: `# title`, a paragraph that sums up, then the body."""
    title, summary, body = re.split(r"\n\s*\n", source.strip(), maxsplit=2)
    return TutorialText(
        language=language,
        title=title.removeprefix("# ").strip(),
        summary=" ".join(summary.split()),
        body=body + "\n",
    )


async def newest(db: AsyncSession, language: str, limit: int = MOST_LISTED) -> list[TutorialRow]:
    """Return the newest tutorials, each in `language` where it is written in it."""
    return [
        TutorialRow(
            slug=slug,
            language=version.language,
            title=version.title,
            summary=version.summary,
            published_at=version.published_at,
        )
        for slug, version in await queries.newest_tutorials(db, language, limit)
    ]


async def read(db: AsyncSession, slug: str, language: str) -> TutorialPage:
    """Return the newest version of a tutorial, in `language` if there is one.

    Raises:
        NotFoundError: there is no such tutorial.
    """
    tutorial = await queries.find_tutorial(db, slug)
    versions = await queries.newest_versions(db, tutorial.id) if tutorial else ()
    if not versions:
        raise NotFoundError(_("There is no such tutorial."), fix=_("Look through the list."))
    best = next((v for v in versions if v.language == language), versions[0])
    return TutorialPage(
        slug=slug,
        text=_text(best),
        number=best.number,
        published_at=best.published_at,
        languages=tuple(version.language for version in versions),
    )


def _text(version: TutorialVersion) -> TutorialText:
    return TutorialText(
        language=version.language,
        title=version.title,
        summary=version.summary,
        body=version.body,
    )


async def changed_since(
    db: AsyncSession, moment: datetime, after_id: int, limit: int
) -> list[tuple[datetime, int]]:
    """Return when tutorials got versions after a moment, and their ids, the earliest first."""
    return await queries.changed_since(db, moment, after_id, limit)


async def newest_texts(db: AsyncSession, ids: Collection[int]) -> list[PublishedText]:
    """Return the newest text of tutorials in each of their languages."""
    slugs = await queries.slugs(db, ids)
    return [
        PublishedText(number, slug, _text(version), version.published_at)
        for number, slug in slugs.items()
        for version in await queries.newest_versions(db, number)
    ]
