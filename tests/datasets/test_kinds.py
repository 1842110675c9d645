"""The site reads data of every kind: inventories, pages, previews of columns."""

import httpx
import pytest
from fastapi import FastAPI

from tests.contract.test_formats import (
    COCO,
    CONLL,
    RATINGS,
    TEXTS,
    VOC,
    FilesOf,
    idx,
    jsonl,
    mask,
    wave,
)
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import make_data, picture

COCO_TEXT = str(COCO).replace("'", '"').encode()
IDX = {
    "train-images-idx3-ubyte.gz": idx(bytes(8 * 16), 8, 4, 4),
    "train-labels-idx1-ubyte.gz": idx(bytes(range(8)), 8),
}
KINDS: dict[str, tuple[FilesOf, int, str]] = {
    "text-table": ({"train.csv": TEXTS.encode()}, 40, "words number 0"),
    "conll": ({"train.conll": CONLL.encode()}, 2, "York"),
    "interactions": ({"ratings.csv": RATINGS.encode()}, 24, "1000"),
    "chat": (
        {"a.jsonl": jsonl({"instruction": "Say hello", "output": "Hello!"})},
        1,
        "Hello!",
    ),
    "audio-folder": ({f"{c}/{n}.wav": wave(n + 1) for c in "ab" for n in range(3)}, 6, "<audio"),
    "coco": ({"a.json": COCO_TEXT, "0.png": picture(1, 8)}, 1, 'class="boxes"'),
    "voc": ({"Annotations/0.xml": VOC, "JPEGImages/0.png": picture(1, 8)}, 1, 'class="boxes"'),
    "masks": (
        {"images/a.png": picture(1, 8), "masks/a.png": mask(0, 1)},
        1,
        "data:image/png;base64,",
    ),
    "idx": (IDX, 8, "data:image/png;base64,"),
}


async def read(client: httpx.AsyncClient, address: str, **headers: str) -> httpx.Response:
    return await client.get(address, headers=headers)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_page_shows_data_of_every_kind(
    app: FastAPI, client: httpx.AsyncClient, kind: str
) -> None:
    files, count, shown = KINDS[kind]
    repo = await make_data(app, await make_user(app.state.database), files)
    found = (await read(client, f"/api/v1/datasets/{repo}/inventory")).json()
    assert (found["kind"], found["num_examples"]) == (kind, count)
    assert found["candidates"][0]["format"] == kind
    assert not [f for f in found["findings"] if f["severity"] == "error"]
    page = await read(client, f"/datasets/{repo}/viewer")
    assert page.status_code == 200
    assert shown in page.text
    assert found["candidates"][0]["reason"].split("'")[0] in page.text


async def test_the_second_look_is_the_first_one_kept(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    repo = await make_data(app, await make_user(app.state.database), KINDS["conll"][0])
    first = await read(client, f"/api/v1/datasets/{repo}/inventory")
    second = await read(client, f"/api/v1/datasets/{repo}/inventory")
    assert first.json() == second.json()


async def test_a_preview_reads_the_columns_that_are_named(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    files = {"a.csv": b"a,b\nfirst,1\nsecond,2\n"}
    repo = await make_data(app, await make_user(app.state.database), files)
    blind = (await read(client, f"/api/v1/datasets/{repo}/preview")).json()
    assert blind["findings"][0]["code"] == "COLUMN_MISSING"
    assert blind["columns"] == ["a", "b"]
    found = (await read(client, f"/api/v1/datasets/{repo}/preview?text=a&target=b")).json()
    assert [row["values"] for row in found["rows"]] == [
        {"text": "first", "target": 1.0},
        {"text": "second", "target": 2.0},
    ]
    page = await read(client, f"/datasets/{repo}/viewer/columns?text=a&target=b")
    assert "second" in page.text
    assert "target: b" in page.text


async def test_a_preview_of_a_private_data_set_is_not_for_strangers(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    owner = await make_user(app.state.database)
    repo = await make_data(app, owner, {"a.csv": TEXTS.encode()}, private=True)
    headers = bearer(await make_token(app.state.database, owner))
    assert (await read(client, f"/api/v1/datasets/{repo}/preview", **headers)).status_code == 200
    for address in (f"/api/v1/datasets/{repo}/preview", f"/datasets/{repo}/viewer/columns"):
        assert (await read(client, address)).status_code == 404


async def test_findings_name_rows_in_the_readers_language(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    files = {"a.csv": (TEXTS + ",a\n").encode()}
    repo = await make_data(app, await make_user(app.state.database), files)
    page = await read(client, f"/datasets/{repo}/viewer", **{"Accept-Language": "zh-CN"})
    assert "a.csv:42" in page.text
    assert "行没有文本" in page.text
    assert "文本表格" in page.text


async def test_what_a_data_set_says_of_itself_is_never_markup(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    evil = '"<script>alert(1)</script>",<b>x</b>\n'
    files = {"a.csv": f"text,label\n{evil}fine,y\n".encode()}
    repo = await make_data(app, await make_user(app.state.database), files)
    page = await read(client, f"/datasets/{repo}/viewer")
    assert "<script>alert(1)" not in page.text
    assert "<b>x</b>" not in page.text


async def test_texts_no_database_takes_are_kept_without_their_odd_characters(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    rows = jsonl({"text": "a\x00b \ud800", "label": "x\x00"}, {"text": "c", "label": "y"})
    files = {"a.jsonl": rows}
    repo = await make_data(app, await make_user(app.state.database), files)
    found = await read(client, f"/api/v1/datasets/{repo}/inventory")
    assert found.status_code == 200
    assert found.json()["num_examples"] == 2
