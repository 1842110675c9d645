"""Proposing a change to a text in the browser: a commit to a pull request."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.core.errors import AppError, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.paths import plain
from app.discussions import policy, service
from app.discussions.pages.opening import Room, WriteRoom, see
from app.hub import policy as hub_policy
from app.hub import service as hub
from app.hub.schemas import AddFile, NewCommit

router = APIRouter()
_EDITABLE_BYTES = 1 << 20


class ProposeForm(BaseModel):
    """A changed text; `parent` is the commit the writer was looking at."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    text: Annotated[str, Field(max_length=_EDITABLE_BYTES)] = ""
    message: Annotated[str, Field(max_length=500)] = ""
    description: Annotated[str, Field(max_length=20_000)] = ""
    parent: Annotated[str, Field(pattern=r"^([0-9a-f]{40})?$")] = ""


@router.get("/propose/{rev}/{path:path}")
async def propose_page(room: WriteRoom, rev: str, path: str) -> HTMLResponse:
    """Show a text in a field; what is changed becomes a pull request."""
    rev, path = plain(rev), plain(path).strip("/")
    await policy.require_proposal(room.db, room.viewer, room.repository)
    head = await hub.resolve_revision(room.db, room.repository, rev)
    form = ProposeForm(text=await _text(room, rev, path), parent=head)
    return _form(room, rev, path, form)


async def _text(room: Room, rev: str, path: str) -> str:
    try:
        file = await hub.open_file(room.db, room.storage, room.repository, rev, path)
    except NotFoundError as error:
        if error.code != "EntryNotFound":
            raise
        return ""
    if file.size > _EDITABLE_BYTES:
        raise InvalidError(_("This file is too large to be edited here."))
    try:
        return (await file.read_all()).decode()
    except UnicodeDecodeError as error:
        raise InvalidError(_("Only text can be edited here.")) from error


def _form(
    room: Room, rev: str, path: str, form: ProposeForm, problem: AppError | None = None
) -> HTMLResponse:
    return room.show(
        "discussions/propose.html",
        problem=problem,
        rev=rev,
        path=path,
        form=form,
        message=form.message or _("Update %(path)s") % {"path": path},
    )


@router.post("/propose/{rev}/{path:path}")
async def propose(
    room: WriteRoom, rev: str, path: str, form: Annotated[ProposeForm, Form()]
) -> Response:
    """Open a pull request with the changed text, or commit it to one that is open."""
    rev, path = plain(rev), plain(path).strip("/")
    new = NewCommit(
        message=form.message or _("Update %(path)s") % {"path": path},
        author=room.at.author,
        operations=[AddFile(path, form.text.replace("\r\n", "\n").encode())],
        branch=rev,
        parent=form.parent,
        description=form.description,
    )
    try:
        async with room.db.begin_nested():
            num = await _commit(room, new)
    except AppError as problem:
        await room.renew()
        return _form(room, rev, path, form, problem)
    return see(f"{room.url}/{num}")


async def _commit(room: Room, new: NewCommit) -> str:
    db, repository = room.db, room.repository
    if new.branch.startswith("refs/pr/"):
        if not await hub_policy.may_commit_to(db, room.viewer, repository, new.branch):
            raise hub_policy.forbidden()
        await hub.commit(db, room.storage, repository, new)
        return new.branch.removeprefix("refs/pr/")
    opened, _made = await service.open_with_commit(db, room.storage, room.viewer, repository, new)
    return str(opened.num)
