"""Trying models over HTTP, and the worker's side of it."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from app.core.downloads import BINARY, send_bytes
from app.core.http import Db, WaitingRepoReader, database, storage_of
from app.jobs.service.worker_keys import require_worker
from app.playground.schemas import TextsIn
from app.playground.service import asking
from app.playground.service.inputs import MAX_BODY, asker, count, input_of
from worker.contract.predictions import (
    Prediction,
    PredictionAnswer,
    PredictionClaim,
    PredictionClaimRequest,
)

router = APIRouter(prefix="/api/v1")
WorkerKey = Depends(require_worker)
_LOOK_EVERY_S = 2.0
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]

_BINARY_BODY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {"schema": TextsIn.model_json_schema()},
        "image/*": _BINARY_BODY,
        "audio/*": _BINARY_BODY,
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "text": {"type": "string"},
                    "question": {"type": "string"},
                },
            }
        },
    },
}


@router.post(
    "/models/{namespace}/{name}/predict",
    tags=["playground"],
    max_body_size=MAX_BODY,
    openapi_extra={"requestBody": _BODY},
    responses={
        409: {"description": "This model cannot be run here; the answer says why."},
        413: {"description": "More than 10 MiB."},
        422: {"description": "The input is not what this model reads."},
        429: {"description": "Too often; `Retry-After` says when again."},
        503: {"description": "No worker is free; `Retry-After` says when to ask again."},
    },
)
async def predict(
    request: Request, viewer: WaitingRepoReader, namespace: str, name: str
) -> Prediction:
    """Run a model on one picture, recording or text; the first time it takes some seconds.

    Send the file itself with its type, a form with it as `file`, or JSON with `text`.
    """
    await count(request, viewer)
    given = await input_of(request)
    return await asker(request, viewer).ask(namespace, name, given)


@router.post(
    "/worker/predictions/claim",
    tags=["worker"],
    dependencies=[WorkerKey],
    max_body_size=1 << 16,
    response_model=PredictionClaim,
    responses={204: {"description": "Nobody asked."}},
)
async def claim(body: PredictionClaimRequest, request: Request) -> object:
    """Wait for somebody who tries a model, and take the request."""
    until = time.monotonic() + body.wait_s
    wakeups = request.app.state.wakeups
    with wakeups.listen(asking.WAITING) as listener:
        while True:
            async with database(request).transaction() as db:
                taken = await asking.claim(db)
            if taken is not None:
                return taken
            left_s = until - time.monotonic()
            if left_s <= 0 or await request.is_disconnected():
                return Response(status_code=204)
            # Short enough to notice that the worker, or this site, is going.
            await listener.wait(min(left_s, _LOOK_EVERY_S))


@router.get(
    "/worker/predictions/{number}/files/{path:path}",
    tags=["worker"],
    dependencies=[WorkerKey],
    response_class=StreamingResponse,
)
async def fetch_file(number: Number, path: str, request: Request, db: Db) -> Response:
    """Return a file of the model that a request is about."""
    file = await asking.open_file(db, storage_of(request), number, path)
    return send_bytes(request, file.size, file.read, {"ETag": f'"{file.etag}"'}, BINARY)


@router.post(
    "/worker/predictions/{number}/answer",
    tags=["worker"],
    dependencies=[WorkerKey],
    max_body_size=1 << 20,
)
async def answer(number: Number, body: PredictionAnswer, request: Request) -> dict[str, bool]:
    """Say what the model made of the input."""
    async with database(request).transaction() as db:
        name = await asking.answer(db, number, body)
    request.app.state.wakeups.wake(name)
    return {"stored": True}
