"""Changing files in the browser: upload, edit, delete; each is a commit."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from app.core.errors import AppError, InvalidError, NotFoundError
from app.core.i18n import _
from app.hub.pages.files import place_context
from app.hub.pages.opening import Place, WritePlace, at_both, see, show
from app.hub.schemas import MAX_REGULAR_BYTES, AddFile, DeleteFile, NewCommit, Operation
from app.hub.service import commits, files, revisions

router = APIRouter(include_in_schema=False)
_EDITABLE_BYTES = 1 << 20
Message = Annotated[str, Form(max_length=500)]
FolderName = Annotated[str, Query(alias="folder", max_length=1024)]
FolderField = Annotated[str, Form(max_length=1024)]

_NEW_CARD = """---
license: apache-2.0
tags: []
---

# {name}

What it is, how it was made, what it may be used for.
"""


class EditForm(BaseModel):
    """A changed text; `parent` is the commit the writer was looking at."""

    text: Annotated[str, Field(max_length=_EDITABLE_BYTES)] = ""
    message: Annotated[str, Field(max_length=500)] = ""
    parent: Annotated[str, Field(pattern=r"^([0-9a-f]{40})?$")] = ""


@at_both(router, "/upload/{rev}")
async def upload_page(request: Request, place: WritePlace, folder: FolderName = "") -> HTMLResponse:
    """Show where files are dropped; without a script it is a plain form for small ones."""
    return _upload_form(request, place, folder)


def _upload_form(
    request: Request, place: Place, folder: str, problem: AppError | None = None
) -> HTMLResponse:
    return show(
        request,
        "hub/upload.html",
        place.at,
        status_code=problem.status if problem else 200,
        rev=place.rev,
        folder=folder,
        message="",
        plain_limit=MAX_REGULAR_BYTES,
        error=problem.message if problem else "",
        fix=problem.fix if problem else "",
    )


@at_both(router, "/upload/{rev}", "POST")
async def upload_plain(
    request: Request,
    place: WritePlace,
    uploaded: Annotated[Sequence[UploadFile], Form(alias="files")] = (),
    folder: FolderField = "",
    message: Message = "",
) -> Response:
    """Commit the files of a plain form; larger ones need the script, git or a client."""
    try:
        operations = [await _addition(file, folder) for file in uploaded if file.filename]
        if not operations:
            raise InvalidError(_("No file was chosen."), fix=_("Choose at least one file."))
        await _commit(place, message or _("Upload files"), operations)
    except AppError as problem:
        return _upload_form(request, place, folder, problem)
    return see(place.tree_url)


async def _addition(file: UploadFile, folder: str) -> AddFile:
    if (file.size or 0) > MAX_REGULAR_BYTES:
        raise InvalidError(
            _("%(name)s is too large for a plain form.") % {"name": file.filename},
            fix=_("Turn JavaScript on, or upload it with the hub's client."),
        )
    folder = folder.strip().strip("/")
    name = file.filename or ""
    return AddFile(f"{folder}/{name}" if folder else name, await file.read())


async def _commit(
    place: Place, message: str, operations: Sequence[Operation], parent: str = ""
) -> None:
    new = NewCommit(message, place.at.author, operations, branch=place.rev, parent=parent)
    # A savepoint: what a refused commit had begun to write does not stay.
    async with place.db.begin_nested():
        await commits.commit(place.db, place.storage, place.at.repository, new)


@at_both(router, "/edit/{rev}/{path:path}")
async def edit_page(request: Request, place: WritePlace) -> HTMLResponse:
    """Show a text in a field; a file that is not there yet begins empty."""
    head = await revisions.commit_of(place.db, place.at.repository, place.rev)
    return await _edit_form(request, place, EditForm(text=await _text(place), parent=head.oid))


async def _text(place: Place) -> str:
    try:
        file = await files.open_file(
            place.db, place.storage, place.at.repository, place.rev, place.path
        )
    except NotFoundError:
        is_card = place.path == "README.md"
        return _NEW_CARD.format(name=place.at.repository.name) if is_card else ""
    if file.size > _EDITABLE_BYTES:
        raise InvalidError(_("This file is too large to be edited here."))
    try:
        return (await file.read_all()).decode()
    except UnicodeDecodeError as error:
        raise InvalidError(_("Only text can be edited here.")) from error


async def _edit_form(
    request: Request, place: Place, form: EditForm, problem: AppError | None = None
) -> HTMLResponse:
    return show(
        request,
        "hub/edit.html",
        place.at,
        status_code=problem.status if problem else 200,
        text=form.text,
        parent=form.parent,
        message=form.message or _("Update %(path)s") % {"path": place.path},
        error=problem.message if problem else "",
        fix=problem.fix if problem else "",
        **await place_context(place),
    )


@at_both(router, "/edit/{rev}/{path:path}", "POST")
async def edit(request: Request, place: WritePlace, form: Annotated[EditForm, Form()]) -> Response:
    """Commit a text, unless the branch has moved since the page was opened."""
    text = form.text.replace("\r\n", "\n")
    operations = [AddFile(place.path, text.encode())]
    message = form.message or _("Update %(path)s") % {"path": place.path}
    try:
        await _commit(place, message, operations, form.parent)
    except AppError as problem:
        return await _edit_form(request, place, form, problem)
    return see(place.url("blob"))


@at_both(router, "/delete/{rev}/{path:path}")
async def delete_page(request: Request, place: WritePlace) -> HTMLResponse:
    """Ask before a file is deleted."""
    return show(
        request,
        "hub/delete_file.html",
        place.at,
        message=_("Delete %(path)s") % {"path": place.path},
        error="",
        fix="",
        **await place_context(place),
    )


@at_both(router, "/delete/{rev}/{path:path}", "POST")
async def delete(place: WritePlace, message: Message = "") -> Response:
    """Delete a file from a branch; its history keeps it."""
    message = message or _("Delete %(path)s") % {"path": place.path}
    await _commit(place, message, [DeleteFile(place.path)])
    return see(place.tree_url)
