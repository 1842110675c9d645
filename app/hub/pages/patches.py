"""Commits and comparisons as pages: what changed, line by line."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.core.errors import NotFoundError
from app.core.http import Db
from app.core.i18n import _
from app.core.paths import plain
from app.hub import policy
from app.hub.pages.opening import Readable, ReadPlace, Storage, at_both, see, show
from app.hub.schemas import MAIN, Diff, FileChange
from app.hub.service import diffs, merging, revisions
from app.hub.service.patches import Line, patch_lines

router = APIRouter(include_in_schema=False)
# A longer change is folded, so that the page shows all files at first sight.
_FOLDED_LINES = 300


@dataclass(frozen=True)
class ShownChange:
    """A change of one file, ready for its page."""

    change: FileChange
    lines: tuple[Line, ...]

    @property
    def num_added(self) -> int:
        """How many lines are new."""
        return sum(line.sign == "+" for line in self.lines)

    @property
    def num_removed(self) -> int:
        """How many lines are gone."""
        return sum(line.sign == "-" for line in self.lines)

    @property
    def is_folded(self) -> bool:
        """Whether it begins closed."""
        return len(self.lines) > _FOLDED_LINES


def shown_changes(diff: Diff) -> list[ShownChange]:
    """Return the changes of a diff with their lines numbered."""
    return [ShownChange(change, tuple(patch_lines(change.patch))) for change in diff.files]


@at_both(router, "/commit/{rev}")
async def commit_page(request: Request, place: ReadPlace) -> HTMLResponse:
    """Show what one commit changed."""
    await policy.require_files(place.db, place.at.viewer, place.at.repository)
    commit = await revisions.commit_of(place.db, place.at.repository, place.rev)
    diff = await diffs.diff(place.db, place.storage, place.at.repository, commit.oid)
    return show(
        request,
        "hub/commit.html",
        place.at,
        commit=commit,
        rest=commit.message.removeprefix(commit.title).strip(),
        diff=diff,
        changes=shown_changes(diff),
        rev=commit.oid,
    )


Rev = Annotated[str, Query(max_length=200)]


@at_both(router, "/compare")
async def choose_comparison(at: Readable, base: Rev = MAIN, head: Rev = MAIN) -> RedirectResponse:
    """Lead from the form with two revisions to their comparison."""
    parts = [quote(rev.strip() or MAIN, safe="") for rev in (base, head)]
    return see(f"{at.url}/compare/{'...'.join(parts)}")


@at_both(router, "/compare/{spec:path}")
async def compare_page(
    request: Request, db: Db, at: Readable, storage: Storage, spec: str
) -> HTMLResponse:
    """Show what `head` has that `base` has not: `base...head`, or `base..head` side by side."""
    await policy.require_files(db, at.viewer, at.repository)
    base, head, is_from_fork = _revisions(plain(spec))
    base_oid = await revisions.resolve_revision(db, at.repository, base)
    head_oid = await revisions.resolve_revision(db, at.repository, head)
    found = await merging.ancestry_of(db, at.repository, head_oid, base_oid)
    start = found.base or base_oid if is_from_fork else base_oid
    diff = await diffs.diff(db, storage, at.repository, head_oid, start)
    return show(
        request,
        "hub/compare.html",
        at,
        base=base,
        head=head,
        rev=head_oid,
        refs=await revisions.list_refs(db, at.repository),
        commits=await merging.commits_ahead(db, at.repository, found),
        num_ahead=len(found.ahead),
        num_behind=found.num_behind,
        diff=diff,
        changes=shown_changes(diff),
    )


def _revisions(spec: str) -> tuple[str, str, bool]:
    """Return both revisions, and whether the point where they parted is what counts."""
    for dots in ("...", ".."):
        base, found, head = spec.partition(dots)
        if found:
            return base or MAIN, head or MAIN, dots == "..."
    raise NotFoundError(
        _("An address of a comparison names two revisions."),
        fix=_("Write it as one...other."),
    )
