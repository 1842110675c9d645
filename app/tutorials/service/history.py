"""The versions of a tutorial, and what changed from one to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.accounts import service as accounts
from app.comments import service as comments
from app.comments.schemas import RevisionView
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.core.threads import FewThreads
from app.tutorials import queries
from app.tutorials.schemas import TutorialPage, TutorialText
from app.tutorials.service.publishing import text_of

MOST_VERSIONS = 200
_CONTEXT = 2
_comparing = FewThreads(2, "comparing")


@dataclass(frozen=True)
class VersionRow:
    """A version as the history shows it."""

    number: int
    title: str
    author: str
    note: str
    published_at: datetime
    source_number: int


class Change(NamedTuple):
    """A stretch of text: `kept`, `added`, `removed`, or `gap` where lines are left out."""

    kind: str
    text: str


async def versions_of(db: AsyncSession, page: TutorialPage) -> list[VersionRow]:
    """Return the versions in the page's language, the newest first; at most 200."""
    rows = await queries.versions(db, page.id, page.text.language, MOST_VERSIONS)
    names = await accounts.names_of(db, {row.author_id for row in rows})
    return [
        VersionRow(
            number=row.number,
            title=row.title,
            author=names.get(row.author_id, ""),
            note=row.note,
            published_at=row.published_at,
            source_number=row.source_number,
        )
        for row in rows
    ]


async def compare(
    db: AsyncSession, page: TutorialPage, language: str, older: int, newer: int
) -> list[Change]:
    """Return what changed between two versions in one language, word by word.

    Raises:
        NotFoundError: one of them is not there.
    """
    old = await queries.find_version(db, page.id, language, older)
    new = await queries.find_version(db, page.id, language, newer)
    if old is None or new is None:
        raise NotFoundError(
            _("This tutorial has no such version."), fix=_("Look through its history.")
        )
    return await changes(text_of(old), text_of(new))


async def changes(old: TutorialText, new: TutorialText) -> list[Change]:
    """Return the stretches of both texts in order, lines far from any change left out.

    Texts that are much work to compare are shown as one removed and one added.
    """
    return await _comparing.run(_changes, old, new)


def _changes(old: TutorialText, new: TutorialText) -> list[Change]:
    steps = comments.Steps()
    before, after = _lines(old), _lines(new)
    matcher = comments.BoundedMatcher(before, after, steps)
    found: list[Change] = []
    end = 0
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if group[0][1] > end:
            found.append(Change("gap", ""))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                found.append(Change("kept", "".join(before[i1:i2])))
            else:
                found += _words("".join(before[i1:i2]), "".join(after[j1:j2]), steps)
            end = i2
    if end < len(before):
        found.append(Change("gap", ""))
    return found


def _lines(text: TutorialText) -> Sequence[str]:
    whole = f"# {text.title}\n\n{text.summary}\n\n{text.body}"
    return whole.splitlines(keepends=True)


def _words(old: str, new: str, steps: comments.Steps) -> list[Change]:
    pair = [RevisionView(number, text, "", now()) for number, text in ((1, old), (2, new))]
    ((_later, pieces),) = comments.rewordings(pair, steps)
    return [Change(piece.kind, piece.text) for piece in pieces]
