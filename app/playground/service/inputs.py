"""What a request carries to try a model on, and how often it may be sent."""

import json

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from app.core import rate_limit
from app.core.errors import BadRequestError, Detail, InvalidError
from app.core.http import database
from app.core.i18n import _
from app.core.security import Viewer
from app.playground.schemas import TextsIn
from app.playground.service.asking import Asker
from worker.contract.predictions import MAX_INPUT_BYTES, PredictionInput

MAX_BODY = MAX_INPUT_BYTES + (1 << 16)
# A visitor has no name, so all who share an address share its count.
_BY_PERSON = rate_limit.Limit("playground-person", 60, 60)
_BY_ADDRESS = rate_limit.Limit("playground-address", 20, 60)


async def count(request: Request, viewer: Viewer) -> None:
    """Count one try of a person, or of an address.

    Raises:
        RateLimitedError: it was too often.
    """
    limit, subject = _BY_ADDRESS, rate_limit.address_of(request)
    if viewer.user_id is not None:
        limit, subject = _BY_PERSON, str(viewer.user_id)
    await rate_limit.take(database(request), limit, subject)


def asker(request: Request, viewer: Viewer) -> Asker:
    """Return who asks workers for a viewer."""
    return Asker(database(request), request.app.state.wakeups, viewer)


async def input_of(request: Request) -> PredictionInput:
    """Return the input that a request carries, whatever way it was sent.

    Raises:
        BadRequestError: the body cannot be read.
        InvalidError: its fields are not right.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        return await _form_input(request)
    body = await request.body()
    if kind != "application/json":
        return PredictionInput.model_construct(content=body or None)
    try:
        texts = TextsIn.model_validate(json.loads(body))
    except ValidationError as error:
        raise InvalidError(_("The input is not right."), details=_details(error)) from error
    except ValueError as error:
        raise BadRequestError(_("This is not JSON.")) from error
    return PredictionInput(**texts.model_dump())


def _details(error: ValidationError) -> list[Detail]:
    return [
        Detail(".".join(str(part) for part in one["loc"]), one["msg"]) for one in error.errors()
    ]


async def _form_input(request: Request) -> PredictionInput:
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        content = await file.read() if isinstance(file, UploadFile) else b""
        texts = {name: form.get(name, "") for name in ("text", "question")}
    try:
        found = PredictionInput.model_validate(texts)
    except ValidationError as error:
        raise InvalidError(_("The input is not right."), details=_details(error)) from error
    return found.model_copy(update={"content": content or None})
