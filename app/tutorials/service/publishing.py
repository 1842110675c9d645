"""Publishing texts as versions that never change."""

import re
from importlib.resources import files

from app.core.db import AsyncSession
from app.core.i18n import LANGUAGES
from app.tutorials import queries
from app.tutorials.schemas import TutorialText
from app.tutorials.tables import Series, Tutorial, TutorialVersion

STARTER_SLUG = "first-fine-tune"
COURSE_SLUG = "fine-tuning-hands-on"
COURSE_TITLES = {"en": "Fine-tuning, hands on", "zh-CN": "动手微调"}
COURSE = (
    "linear-probing",
    "two-stages",
    "partial-unfreezing",
    "gradual-unfreezing",
    "small-images",
)


async def publish(db: AsyncSession, slug: str, text: TutorialText) -> int:
    """Publish `text` under `slug` as a part of the site; return its version number.

    Publishing the text that is already the newest one changes nothing.
    """
    tutorial = await queries.find_tutorial(db, slug, lock=True)
    if tutorial is None:
        tutorial = Tutorial(slug=slug, language=text.language)
        db.add(tutorial)
        await db.flush()
    return await add_version(db, tutorial, text)


async def add_version(  # what a version is made of
    db: AsyncSession,
    tutorial: Tutorial,
    text: TutorialText,
    *,
    author_id: int | None = None,
    note: str = "",
    source_number: int | None = None,
) -> int:
    """Make `text` the newest version in its language; return its number.

    The text that is already the newest one makes none. `source_number` left out: a translation
    follows the newest version of its source.
    """
    number = await queries.last_number(db, tutorial.id, text.language)
    newest = await queries.find_version(db, tutorial.id, text.language, number)
    if newest is not None and text_of(newest) == text:
        return number
    if source_number is None and text.language != tutorial.language:
        source_number = await queries.last_number(db, tutorial.id, tutorial.language)
    db.add(
        TutorialVersion(
            tutorial_id=tutorial.id,
            language=text.language,
            number=number + 1,
            title=text.title,
            summary=text.summary,
            body=text.body,
            source_number=source_number or 0,
            author_id=author_id,
            note=note,
        )
    )
    await db.flush()
    return number + 1


def text_of(version: TutorialVersion) -> TutorialText:
    """Return what a version says."""
    return TutorialText(
        language=version.language,
        title=version.title,
        summary=version.summary,
        body=version.body,
    )


async def publish_starter(db: AsyncSession) -> None:
    """Publish the tutorials every new site begins with, in each language."""
    course = await queries.find_series(db, COURSE_SLUG)
    if course is None:
        course = Series(slug=COURSE_SLUG, owner_id=None, titles=dict(COURSE_TITLES))
        db.add(course)
        await db.flush()
    # The newest stands on top of the list: what comes first is published last.
    for chapter in range(len(COURSE), 0, -1):
        tutorial = await _publish_file(db, COURSE[chapter - 1])
        tutorial.series_id, tutorial.chapter = course.id, chapter
    await _publish_file(db, STARTER_SLUG)
    await db.flush()


async def _publish_file(db: AsyncSession, slug: str) -> Tutorial:
    for language in sorted(LANGUAGES, key=lambda tag: tag != "en"):
        name = f"{slug}.{language}.md"
        source = files("app.tutorials").joinpath("starter", name).read_text(encoding="utf-8")
        await publish(db, slug, parse_text(language, source))
    return await queries.get_tutorial(db, slug)


def parse_text(language: str, source: str) -> TutorialText:
    """Return the text of a Markdown file: `# title`, a paragraph that sums up, then the body."""
    title, summary, body = re.split(r"\n\s*\n", source.strip(), maxsplit=2)
    return TutorialText(
        language=language,
        title=title.removeprefix("# ").strip(),
        summary=" ".join(summary.split()),
        body=body + "\n",
    )
