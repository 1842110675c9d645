"""Abandoned bytes go; bytes in use stay."""

import hashlib
from datetime import timedelta

from sqlalchemy import update

from app.core.clock import now
from app.hub.background import sweep
from app.hub.tables import Upload
from tests.hub.conftest import Hub


async def test_an_upload_left_for_a_week_is_swept_with_its_parts(hub: Hub) -> None:
    ids = []
    for data in (b"old", b"new"):
        body = {"repository": "models/ada/net", "path": "x", "size": 3}
        upload = (await hub.post("/api/v1/uploads", body)).json()["id"]
        headers = hub.headers | {"X-Content-Sha256": hashlib.sha256(data).hexdigest()}
        await hub.client.put(f"/api/v1/uploads/{upload}/parts/1", content=data, headers=headers)
        ids.append(upload)
    async with hub.database.transaction() as db:
        long_ago = now() - timedelta(days=8)
        await db.execute(update(Upload).where(Upload.id == ids[0]).values(created_at=long_ago))
    swept = await sweep(hub.database, hub.storage, timedelta(days=1))
    answers = [(await hub.get(f"/api/v1/uploads/{upload}")).status_code for upload in ids]
    assert swept == 1
    assert answers == [404, 200]


async def test_temporary_bytes_of_a_crash_are_swept(hub: Hub) -> None:
    writer = await hub.storage.writer()
    await writer.write(b"x" * 2_000_000)
    kept = await sweep(hub.database, hub.storage, timedelta(days=1))
    gone = await sweep(hub.database, hub.storage, timedelta(0))
    await writer.discard()
    assert (kept, gone) == (0, 1)
