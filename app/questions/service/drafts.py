"""What people have begun to write, kept on the server until it is posted or thrown away."""

import re

from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, InvalidError
from app.core.i18n import _
from app.core.security import Viewer
from app.questions.queries import posts
from app.questions.schemas import MAX_DRAFTS, DraftIn, DraftOut
from app.questions.tables import Draft

_TARGET = re.compile(r"question:new|(?:answer|edit):[1-9]\d{0,17}")


async def keep_draft(db: AsyncSession, viewer: Viewer, target: str, new: DraftIn) -> DraftOut:
    """Keep what somebody wrote so far; empty words throw the draft away.

    Raises:
        ConflictError: it was changed in another window since; both are still there.
        InvalidError: nothing is written at such a place, or too many drafts are kept.
    """
    user_id = viewer.require_user()
    _require_place(target)
    row = await posts.draft(db, user_id, target, lock=True)
    if row is not None and new.version != row.version:
        raise _changed()
    words = [_clean(text) for text in (new.title, new.body, new.tags)]
    if not any(text.strip() for text in words):
        await forget(db, viewer, target)
        return DraftOut(target=target, title="", body="", tags="", version=0, updated_at=now())
    if row is None:
        await _require_room(db, user_id)
        # Two windows may begin at once: the row is there before either of them locks it.
        await posts.begin_draft(db, user_id, target)
        row = await posts.draft(db, user_id, target, lock=True)
    if row is None or new.version != row.version:
        raise _changed()
    row.title, row.body, row.tags = words
    row.version, row.updated_at = row.version + 1, now()
    await db.flush()
    return _view(row)


def _changed() -> ConflictError:
    return ConflictError(
        _("This draft was changed in another window."),
        fix=_("Copy what you wrote here, and load the page again."),
        code="draft_changed",
    )


def _require_place(target: str) -> None:
    if not _TARGET.fullmatch(target):
        raise InvalidError(
            _("Nothing is written at “%(target)s”.") % {"target": target[:60]},
            fix=_("Drafts are kept for question:new, answer:ID and edit:ID."),
        )


async def _require_room(db: AsyncSession, user_id: int) -> None:
    if await posts.count_drafts(db, user_id) >= MAX_DRAFTS:
        raise InvalidError(
            _("You keep %(n)d drafts already.") % {"n": MAX_DRAFTS},
            fix=_("Post or throw away some of them first."),
            code="too_many_drafts",
        )


def _clean(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n")


async def find_draft(db: AsyncSession, viewer: Viewer, target: str) -> DraftOut | None:
    """Return what the viewer has begun to write for a place, if anything."""
    if viewer.user_id is None:
        return None
    row = await posts.draft(db, viewer.user_id, target)
    return _view(row) if row else None


async def drafts_of(db: AsyncSession, viewer: Viewer) -> list[DraftOut]:
    """Return everything the viewer has begun to write, the newest first."""
    return [_view(row) for row in await posts.drafts(db, viewer.require_user(), MAX_DRAFTS)]


async def forget(db: AsyncSession, viewer: Viewer, target: str) -> None:
    """Throw a draft away; nothing happens if there is none."""
    row = await posts.draft(db, viewer.require_user(), target, lock=True)
    if row is not None:
        await db.delete(row)
        await db.flush()


def _view(row: Draft) -> DraftOut:
    return DraftOut(
        target=row.target,
        title=row.title,
        body=row.body,
        tags=row.tags,
        version=row.version,
        updated_at=row.updated_at,
    )
