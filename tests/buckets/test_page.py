"""The page of a bucket, and what is asked of it in odd ways."""

import httpx
from sqlalchemy import text

from app.core.db import Database
from tests.factories.accounts import bearer, make_token, make_user


async def _bucket(
    client: httpx.AsyncClient, database: Database, *, private: bool
) -> dict[str, str]:
    headers = bearer(await make_token(database, await make_user(database, "ada")))
    made = await client.post("/api/buckets/me/runs", json={"private": private}, headers=headers)
    assert made.json()["id"] == "ada/runs", made.text
    lines = "\n".join(
        f'{{"type": "addFile", "path": "{path}", "xetHash": "{"0" * 64}"}}'
        for path in ("logs/one.txt", "logs/two.txt", "readme.txt")
    )
    done = await client.post("/api/buckets/ada/runs/batch", content=lines, headers=headers)
    assert done.json() == {"success": True, "processed": 3, "failed": []}
    return headers


async def test_a_page_lists_folders_and_files(
    client: httpx.AsyncClient, database: Database
) -> None:
    await _bucket(client, database, private=False)
    top = (await client.get("/buckets/ada/runs")).text
    assert "/buckets/ada/runs?path=logs" in top
    assert "/buckets/ada/runs/resolve/readme.txt" in top
    assert "one.txt" not in top
    assert "one.txt" in (await client.get("/buckets/ada/runs?path=logs")).text


async def test_a_private_bucket_is_missing_for_others(
    client: httpx.AsyncClient, database: Database
) -> None:
    await _bucket(client, database, private=True)
    eve = bearer(await make_token(database, await make_user(database, "eve")))
    for path in ("", "/tree", "/xet-read-token", "/xet-write-token"):
        hidden = await client.get(f"/api/buckets/ada/runs{path}", headers=eve)
        missing = await client.get(f"/api/buckets/ada/none{path}", headers=eve)
        assert hidden.status_code == missing.status_code == 404
        assert hidden.json()["error"] == missing.json()["error"]
    assert (await client.get("/buckets/ada/runs", headers=eve)).status_code == 404
    assert (await client.get("/api/buckets/ada", headers=eve)).json() == []
    assert (await client.delete("/api/buckets/ada/runs", headers=eve)).status_code == 404


async def test_bad_paths_and_lines_are_refused_one_by_one(
    client: httpx.AsyncClient, database: Database
) -> None:
    headers = await _bucket(client, database, private=False)
    at = "/api/buckets/ada/runs"

    async def put(path: str) -> httpx.Response:
        line = {"type": "addFile", "path": path, "xetHash": "0" * 64}
        return await client.post(f"{at}/batch", json=line, headers=headers)

    for path in ("../x", "/x", "a//b", ".git/config", "a\0b", "logs", "readme.txt/x", "x" * 3000):
        assert (await put(path)).status_code == 422, path
    for body in ("nonsense", '{"type": "addFile", "path": "x"}', '{"type": "what", "path": "x"}'):
        answer = await client.post(f"{at}/batch", content=body, headers=headers)
        assert answer.status_code == 400
    for odd in (f"{at}/tree/%00", "/buckets/ada/runs/resolve/%00", "/buckets/ada/runs?path=%00"):
        assert (await client.get(odd)).status_code in {200, 400, 404}, odd
    asked = {"paths": ["a\0b", "readme.txt"]}
    found = (await client.post(f"{at}/paths-info", json=asked, headers=headers)).json()
    assert [row["path"] for row in found] == ["readme.txt"]


async def test_a_level_goes_on_over_its_pages_and_jumps_over_folders(
    client: httpx.AsyncClient, database: Database
) -> None:
    headers = await _bucket(client, database, private=False)
    async with database.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO buckets_file (bucket_id, path, xet_hash, size, content_type, "
                "uploaded_at) SELECT 1, 'deep/' || n || '.txt', repeat('0', 64), 0, '', now() "
                "FROM generate_series(1, 3000) n"
            )
        )
    seen: list[str] = []
    url: str | None = "/api/buckets/ada/runs/tree?limit=1"
    while url:
        answer = await client.get(url, headers=headers)
        seen += [row["path"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert seen == ["deep", "logs", "readme.txt"]
