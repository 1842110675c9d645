"""Writing in the browser: drafts kept on the server, and publishing them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError, RateLimitedError, StaleError
from app.core.events import emit
from app.core.i18n import LANGUAGES, _
from app.core.security import Viewer
from app.tutorials import queries
from app.tutorials.events import TutorialPublished
from app.tutorials.policy import require_person
from app.tutorials.schemas import TutorialText
from app.tutorials.service.publishing import add_version, text_of
from app.tutorials.service.recipes import Examiner, check_blocks
from app.tutorials.tables import Draft, OldSlug, Tutorial

MAX_TITLE = 200
MAX_SUMMARY = 400
MAX_BODY = 200_000
MAX_NOTE = 300
MAX_BEGUN = 50
_MOST_OWN = 200
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_SLUG = 80
# Addresses of other pages.
_RESERVED = {"new", "mine", "series", "pictures"}


@dataclass(frozen=True)
class Writing:
    """What the writer sees: the text as last saved, 0 as `revision` while nothing is saved.

    `number` is the newest published version in this language, 0 without one.
    """

    text: TutorialText
    revision: int
    number: int
    is_draft: bool


@dataclass(frozen=True)
class OwnTutorial:
    """A tutorial as its writer's list shows it."""

    slug: str
    title: str
    is_published: bool
    drafts: Sequence[str]


@dataclass(frozen=True)
class PublishWish:
    """Which draft to publish, and a word on what changed.

    `source_number` is the version of the source that a translation follows; left out, the newest.
    """

    language: str
    note: str = ""
    source_number: int | None = None


async def begin(db: AsyncSession, viewer: Viewer, slug: str, text: TutorialText) -> Tutorial:
    """Begin a tutorial that nobody else sees until it is published.

    Raises:
        InvalidError: the address has another form, or the title is missing.
        ConflictError: the address is taken.
        RateLimitedError: too many are begun and not published.
    """
    user_id = require_person(viewer)
    language_of(text.language)
    slug = check_slug(slug)
    if not text.title.strip():
        raise _bad("title", _("A tutorial needs a title."))
    await queries.lock(db, f"tutorials.begin:{user_id}")
    if await queries.num_unpublished(db, user_id) >= MAX_BEGUN:
        raise RateLimitedError(
            _("You have begun %(n)d tutorials without publishing them.") % {"n": MAX_BEGUN},
            fix=_("Finish or delete one first."),
        )
    await _require_free(db, slug)
    made = Tutorial(slug=slug, owner_id=user_id, language=text.language)
    db.add(made)
    await db.flush()
    await save(db, made, text, 0)
    return made


def check_slug(slug: str) -> str:
    """Return an address as it is kept.

    Raises:
        InvalidError: it has another form, or belongs to another page.
    """
    slug = slug.strip().lower()
    if len(slug) > _LONGEST_SLUG or _SLUG.fullmatch(slug) is None or slug in _RESERVED:
        raise _bad(
            "slug",
            _("This address cannot be used."),
            _("Use letters a to z, digits and single hyphens, at most 80, such as my-first-run."),
        )
    return slug


async def _require_free(db: AsyncSession, slug: str) -> None:
    await queries.lock(db, f"tutorials.slug:{slug}")
    if await queries.address_taken(db, slug):
        raise ConflictError(
            _("Another tutorial stands at this address."), fix=_("Choose another one.")
        )


def language_of(language: str) -> str:
    """Return a language tutorials are written in.

    Raises:
        InvalidError: they are not written in it.
    """
    if language not in LANGUAGES:
        raise _bad("language", _("Tutorials are written in English or Chinese."))
    return language


def _bad(path: str, message: str, fix: str = "") -> InvalidError:
    return InvalidError(message, fix=fix, details=[Detail(path, message, fix)])


async def open_writing(db: AsyncSession, tutorial: Tutorial, language: str) -> Writing:
    """Return the draft in a language; without one, what is published is where writing begins."""
    found = await queries.draft(db, tutorial.id, language_of(language))
    number = await queries.last_number(db, tutorial.id, language)
    if found is not None:
        text = TutorialText(language, found.title, found.summary, found.body)
        return Writing(text, found.revision, number, is_draft=True)
    newest = await queries.find_version(db, tutorial.id, language, number)
    text = text_of(newest) if newest else TutorialText(language, "", "", "")
    return Writing(text, 0, number, is_draft=False)


async def save(db: AsyncSession, tutorial: Tutorial, text: TutorialText, revision: int) -> int:
    """Keep a draft; `revision` is the one it was written upon. Return the new one.

    Raises:
        StaleError: it was saved from another place since.
        InvalidError: it is too long.
    """
    text = _checked(text)
    # A draft that does not exist yet has no row to lock.
    await queries.lock(db, f"tutorials.draft:{tutorial.id}:{text.language}")
    found = await queries.draft(db, tutorial.id, text.language, lock=True)
    if revision != (found.revision if found else 0):
        raise StaleError(
            _("This draft was changed in another window."),
            fix=_("Compare the two below, take over what you want, and save again."),
            code="draft_changed",
        )
    if found is None:
        found = Draft(tutorial_id=tutorial.id, language=text.language, revision=0)
        db.add(found)
    found.title, found.summary, found.body = text.title, text.summary, text.body
    found.revision += 1
    found.updated_at = now()
    await db.flush()
    return found.revision


def _checked(text: TutorialText) -> TutorialText:
    fields = (
        ("title", " ".join(_plain(text.title).split()), MAX_TITLE),
        ("summary", " ".join(_plain(text.summary).split()), MAX_SUMMARY),
        ("body", _plain(text.body), MAX_BODY),
    )
    for name, value, most in fields:
        if len(value) > most:
            raise _bad(name, _("This is longer than %(n)d characters.") % {"n": most})
    return TutorialText(language_of(text.language), *(value for _name, value, _most in fields))


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\0", "")


async def discard(db: AsyncSession, tutorial: Tutorial, language: str) -> bool:
    """Forget a draft; a tutorial with neither version nor draft is gone. Return whether it is."""
    found = await queries.draft(db, tutorial.id, language_of(language), lock=True)
    if found is not None:
        await db.delete(found)
        await db.flush()
    if await queries.is_published(db, tutorial.id) or await queries.drafts_of(db, [tutorial.id]):
        return False
    await db.delete(tutorial)
    await db.flush()
    return True


async def publish_draft(
    db: AsyncSession,
    doctor: Examiner,
    viewer: Viewer,
    tutorial: Tutorial,
    wish: PublishWish,
) -> int:
    """Make the draft the newest version, which never changes; return its number.

    Raises:
        InvalidError: something is missing, or a recipe does not run; `details` says where.
        ConflictError: there is no draft.
    """
    language, source_number = language_of(wish.language), wish.source_number
    found = await queries.draft(db, tutorial.id, language, lock=True)
    if found is None:
        raise ConflictError(_("There is nothing new to publish."), fix=_("Write something first."))
    text = TutorialText(language, found.title, found.summary, found.body)
    _require_whole(text)
    await check_blocks(doctor, text.body)
    if source_number is not None and language != tutorial.language:
        newest = await queries.last_number(db, tutorial.id, tutorial.language)
        source_number = max(0, min(source_number, newest))
    else:
        source_number = None
    await queries.find_tutorial(db, tutorial.slug, lock=True)
    author = viewer.require_user()
    number = await add_version(
        db,
        tutorial,
        text,
        author_id=author,
        note=_plain(wish.note).strip()[:MAX_NOTE],
        source_number=source_number,
    )
    await db.delete(found)
    await db.flush()
    version = await queries.find_version(db, tutorial.id, language, number)
    emit(db, TutorialPublished(tutorial.id, version.id if version else 0, author))
    return number


def _require_whole(text: TutorialText) -> None:
    missing = [
        Detail(name, message)
        for name, value, message in (
            ("title", text.title, _("A tutorial needs a title.")),
            ("summary", text.summary, _("Say in a sentence what one learns here.")),
            ("body", text.body, _("There is no text yet.")),
        )
        if not value.strip()
    ]
    if missing:
        raise InvalidError(missing[0].message, details=missing, code="unfinished")


async def move(db: AsyncSession, tutorial: Tutorial, slug: str) -> None:
    """Give a tutorial another address; the old one leads on to it.

    Raises:
        InvalidError: the address has another form.
        ConflictError: it is taken.
    """
    slug = check_slug(slug)
    if slug == tutorial.slug:
        return
    if await queries.old_slug_of(db, slug) == tutorial.id:
        await queries.forget_old_slug(db, slug, tutorial.id)
    await _require_free(db, slug)
    db.add(OldSlug(slug=tutorial.slug, tutorial_id=tutorial.id))
    tutorial.slug = slug
    await db.flush()


async def own_tutorials(db: AsyncSession, viewer: Viewer, language: str) -> list[OwnTutorial]:
    """Return what the viewer has begun and published, the newest first; at most 200."""
    rows = await queries.tutorials_of(db, require_person(viewer), _MOST_OWN)
    ids = [row.id for row in rows]
    versions = await queries.best_versions(db, ids, language)
    drafts = await queries.drafts_of(db, ids)
    return [
        OwnTutorial(
            slug=row.slug,
            title=versions[row.id].title
            if row.id in versions
            else next((d.title for d in drafts if d.tutorial_id == row.id), row.slug),
            is_published=row.id in versions,
            drafts=[d.language for d in drafts if d.tutorial_id == row.id],
        )
        for row in rows
    ]
