"""A repository in the browser: made, filled, read, changed and ended through its pages."""

import io
import json
import re
import struct

import httpx
import pytest
from PIL import Image

from app.accounts.schemas import Role
from app.core.db import Database
from tests.factories.accounts import make_member, make_organization, make_user, sign_in

PAGE = {"Accept": "text/html"}
CARD = """---
license: mit
pipeline_tag: image-classification
library_name: timm
tags: [flowers]
model-index:
- name: m
  results:
  - task: {type: image-classification}
    dataset: {name: Flowers, type: flowers}
    metrics: [{type: accuracy, value: 0.931, name: Top-1}]
---
# 花卉

**注意：**只训练了新的分类头，$x^2$。
"""


@pytest.fixture
async def ada(client: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:
    """Return a client signed in as `ada`, who owns the model `ada/flowers` with a card."""
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await client.post("/new", data={"kind": "model", "owner": "ada", "name": "flowers"})
    await put(client, "README.md", CARD.encode())
    return client


async def put(client: httpx.AsyncClient, path: str, content: bytes) -> httpx.Response:
    folder, _slash, name = path.rpartition("/")
    answer = await client.post(
        "/ada/flowers/upload/main",
        data={"folder": folder, "message": f"Add {name}"},
        files={"files": (name, content)},
    )
    assert answer.status_code == 303, answer.text
    return answer


async def read(client: httpx.AsyncClient, address: str, status: int = 200) -> str:
    answer = await client.get(address, headers=PAGE)
    assert answer.status_code == status, answer.text
    return answer.text


async def test_a_card_is_shown_with_its_facts(ada: httpx.AsyncClient) -> None:
    page = await read(ada, "/ada/flowers")
    assert "<strong>注意：</strong>只训练" in page
    assert '<span class="math">x^2</span>' in page
    assert "93.10 %" in page
    assert "hf-hub:ada/flowers" in page
    assert 'href="/fine-tune?base=ada/flowers"' in page


async def test_folders_come_first_and_name_the_commit_that_changed_them(
    ada: httpx.AsyncClient,
) -> None:
    await put(ada, "scripts/train.py", b"print(1)\n")
    page = await read(ada, "/ada/flowers/tree/main")
    assert page.index(">scripts</a>") < page.index(">README.md</a>")
    assert "Add train.py" in page
    assert "Add README.md" in page


@pytest.mark.parametrize(
    ("path", "content", "shown"),
    [
        ("a.py", b"def f(): ...\n", '<span class="k">def</span>'),
        ("a.json", b'{"b":{"c":1}}', '<span class="nt">"c"</span>'),
        ("a.csv", b"name,size\nx,3\n", "<td>3</td>"),
        ("a.txt", b"<script>alert(1)</script>", "&lt;script&gt;"),
        ("a.bin", b"\x00\x01", "has no preview"),
        ("empty.txt", b"", "0 B"),
    ],
)
async def test_a_file_is_shown_as_what_it_is(
    ada: httpx.AsyncClient, path: str, content: bytes, shown: str
) -> None:
    await put(ada, path, content)
    assert shown in await read(ada, f"/ada/flowers/blob/main/{path}")


async def test_a_picture_is_shown_from_the_address_clients_use(ada: httpx.AsyncClient) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    await put(ada, "images/a b.png", picture.getvalue())
    page = await read(ada, "/ada/flowers/blob/main/images/a%20b.png")
    assert 'src="/ada/flowers/resolve/main/images/a%20b.png"' in page


async def test_weights_are_listed_tensor_by_tensor_and_counted_on_the_card(
    ada: httpx.AsyncClient,
) -> None:
    header = {"w": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 60]}}
    text = json.dumps(header).encode()
    await put(ada, "model.safetensors", struct.pack("<Q", len(text)) + text + bytes(60))
    assert "3 × 5" in await read(ada, "/ada/flowers/blob/main/model.safetensors")
    assert 'title="15"' in await read(ada, "/ada/flowers")


@pytest.mark.parametrize("header", [b"", b"\xff" * 8, struct.pack("<Q", 2) + b"[]"])
async def test_broken_weights_are_said_to_be_broken(ada: httpx.AsyncClient, header: bytes) -> None:
    await put(ada, "model.safetensors", header)
    assert "not a valid safetensors file" in await read(
        ada, "/ada/flowers/blob/main/model.safetensors"
    )
    await read(ada, "/ada/flowers")


async def test_a_commit_shows_what_it_changed(ada: httpx.AsyncClient) -> None:
    await put(ada, "a.txt", b"one\ntwo\n")
    await put(ada, "a.txt", b"one\nthree\n")
    page = re.sub(r">\s+<", "><", await read(ada, "/ada/flowers/commit/main"))
    assert '<td class="sign">-</td><td>two</td>' in page
    assert '<td class="sign">+</td><td>three</td>' in page
    history = await read(ada, "/ada/flowers/commits/main")
    assert history.count("Add a.txt") == 2


async def test_a_text_is_edited_and_committed(ada: httpx.AsyncClient) -> None:
    page = await read(ada, "/ada/flowers/edit/main/README.md")
    parent = page.split('name="parent" value="')[1][:40]
    form = {"text": "# New\r\nline\r\n", "message": "Say it anew", "parent": parent}
    answer = await ada.post("/ada/flowers/edit/main/README.md", data=form)
    assert answer.status_code == 303
    content = await ada.get("/ada/flowers/resolve/main/README.md")
    assert content.text == "# New\nline\n"
    answer = await ada.post("/ada/flowers/edit/main/README.md", data={**form, "text": "lost"})
    assert answer.status_code == 412
    assert "lost" in answer.text


async def test_a_file_is_deleted_after_a_question(ada: httpx.AsyncClient) -> None:
    assert "Delete README.md?" in await read(ada, "/ada/flowers/delete/main/README.md")
    answer = await ada.post("/ada/flowers/delete/main/README.md", data={"message": "Remove"})
    assert answer.status_code == 303
    await read(ada, "/ada/flowers/blob/main/README.md", 404)


async def test_a_path_that_leads_outside_is_refused_beside_the_form(
    ada: httpx.AsyncClient,
) -> None:
    answer = await ada.post(
        "/ada/flowers/upload/main", data={"folder": "../x"}, files={"files": ("a", b"1")}
    )
    assert answer.status_code == 422
    assert "field-folder" in answer.text


async def test_a_form_without_a_file_says_so(ada: httpx.AsyncClient) -> None:
    answer = await ada.post("/ada/flowers/upload/main", data={"message": "x"})
    assert answer.status_code == 422
    assert "No file was chosen." in answer.text


@pytest.mark.parametrize("name", ["", "a b", "../x", "x.git", "a" * 150])
async def test_a_bad_name_is_refused_and_kept_in_the_field(
    ada: httpx.AsyncClient, name: str
) -> None:
    answer = await ada.post("/new", data={"kind": "dataset", "owner": "ada", "name": name})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert f'value="{name}"' in answer.text


async def test_a_name_that_is_taken_is_refused(ada: httpx.AsyncClient) -> None:
    answer = await ada.post("/new", data={"kind": "model", "owner": "ada", "name": "Flowers"})
    assert answer.status_code == 409
    assert "already exists" in answer.text


async def test_the_old_address_leads_to_the_new_one(ada: httpx.AsyncClient) -> None:
    form = {"new_owner": "ada", "new_name": "blossoms"}
    answer = await ada.post("/ada/flowers/settings/rename", data=form)
    assert answer.headers["location"] == "/ada/blossoms/settings?saved=true"
    answer = await ada.get("/ada/flowers/tree/main?x=1", headers=PAGE)
    assert answer.status_code == 307
    assert answer.headers["location"] == "/ada/blossoms/tree/main?x=1"


async def test_deleting_wants_the_name(ada: httpx.AsyncClient) -> None:
    answer = await ada.post("/ada/flowers/settings/delete", data={"confirm": "flowers"})
    assert answer.status_code == 422
    answer = await ada.post("/ada/flowers/settings/delete", data={"confirm": "ada/flowers"})
    assert answer.headers["location"] == "/ada"
    await read(ada, "/ada/flowers", 404)


async def test_a_private_repository_looks_missing_to_others(
    ada: httpx.AsyncClient, database: Database
) -> None:
    await ada.post("/ada/flowers/settings/visibility", data={"visibility": "private"})
    assert "flowers" in await read(ada, "/models")
    ada.cookies.clear()
    assert "flowers" not in await read(ada, "/models")
    assert "flowers" not in await read(ada, "/ada")
    hidden = await ada.get("/ada/flowers", headers=PAGE)
    missing = await ada.get("/ada/zebra", headers=PAGE)
    assert hidden.status_code == missing.status_code == 404
    assert without_incident(hidden) == without_incident(missing).replace("zebra", "flowers")


def without_incident(answer: httpx.Response) -> str:
    text: str = answer.text.replace(answer.headers["x-request-id"], "")
    return text


@pytest.mark.parametrize("address", ["upload/main", "edit/main/README.md", "settings"])
async def test_who_may_not_write_does_not_reach_the_forms(
    ada: httpx.AsyncClient, database: Database, address: str
) -> None:
    await make_user(database, "eve")
    ada.cookies.clear()
    assert (await ada.get(f"/ada/flowers/{address}")).status_code == 401
    await sign_in(ada, "eve")
    assert (await ada.get(f"/ada/flowers/{address}")).status_code == 403
    assert "Upload files" not in await read(ada, "/ada/flowers/tree/main")


async def test_a_member_creates_under_the_organisation(
    client: httpx.AsyncClient, database: Database
) -> None:
    owner, member = await make_user(database, "owner"), await make_user(database, "member")
    team = await make_organization(database, owner, "team")
    await make_member(database, team, member, Role.CONTRIBUTOR)
    await sign_in(client, "member")
    assert ">team</option>" in await read(client, "/new")
    answer = await client.post("/new", data={"kind": "dataset", "owner": "team", "name": "d"})
    assert answer.headers["location"] == "/datasets/team/d"
    assert "team/d" in await read(client, "/team")
