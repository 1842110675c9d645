import io
import zipfile

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.accounts.schemas import AccountRef
from app.core.security import ALL_SCOPES, Viewer
from app.datasets.tables import Probe
from app.hub import policy
from app.hub import service as hub
from app.hub.schemas import AddFile, Author, NewCommit, RepositoryKind
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import class_folders, make_data, picture


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return out.getvalue()


def by_table(text: str) -> dict[str, bytes]:
    files = {f"images/{number}.png": picture(number) for number in range(4)}
    return files | {"metadata.csv": text.encode()}


async def inventory(client: httpx.AsyncClient, repo: str, **headers: str) -> httpx.Response:
    return await client.get(f"/api/v1/datasets/{repo}/inventory", headers=headers)


async def add(app: FastAPI, owner: AccountRef, repo: str, files: dict[str, bytes]) -> None:
    viewer = Viewer(user_id=owner.id, name=owner.name, scopes=ALL_SCOPES)
    async with app.state.database.transaction() as db:
        found = await policy.access_repository(db, viewer, RepositoryKind.DATASET, *repo.split("/"))
        operations = [AddFile(path, content) for path, content in files.items()]
        new = NewCommit("more", Author(owner.name, owner.id), operations)
        await hub.commit(db, app.state.storage, found, new)


async def test_class_folders_are_counted_and_sampled(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    owner = await make_user(app.state.database)
    files = {f"train/{path}": content for path, content in class_folders(5).items()}
    files |= {"test/cat/a.png": picture(801), "test/dog/b.png": picture(802)}
    repo = await make_data(app, owner, files | {"README.md": b"# Pets\n", ".DS_Store": b"x"})
    found = (await inventory(client, repo)).json()
    assert found["classes"] == [
        {"label": "cat", "counts": {"train": 5, "test": 1}, "total": 6},
        {"label": "dog", "counts": {"train": 5, "test": 1}, "total": 6},
    ]
    assert {sample["label"] for sample in found["samples"]} == {"cat", "dog"}
    image = await client.get(found["samples"][0]["url"])
    assert image.content.startswith(b"\x89PNG")


async def test_a_table_names_images_and_classes(app: FastAPI, client: httpx.AsyncClient) -> None:
    owner = await make_user(app.state.database)
    text = "image,label\n" + "".join(
        f"images/{n}.png,{'even' if n % 2 == 0 else 'odd'}\n" for n in range(4)
    )
    repo = await make_data(app, owner, by_table(text))
    found = (await inventory(client, repo)).json()
    assert found["kind"] == "image-table"
    assert [(c["label"], c["total"]) for c in found["classes"]] == [("even", 2), ("odd", 2)]


async def test_a_row_without_its_image_is_named_by_line(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    owner = await make_user(app.state.database)
    repo = await make_data(app, owner, by_table("image,label\nimages/0.png,a\nimages/9.png,b\n"))
    found = (await inventory(client, repo)).json()
    missing = next(f for f in found["findings"] if f["code"] == "IMAGE_MISSING")
    assert missing["files"] == ["metadata.csv:3 images/9.png"]


async def test_one_zip_file_is_a_data_set(app: FastAPI, client: httpx.AsyncClient) -> None:
    owner = await make_user(app.state.database)
    repo = await make_data(app, owner, {"pets.zip": zipped(class_folders(3))})
    found = (await inventory(client, repo)).json()
    assert [(c["label"], c["total"]) for c in found["classes"]] == [("cat", 3), ("dog", 3)]
    assert all(sample["url"] == "" for sample in found["samples"])


@pytest.mark.parametrize(
    "content", [b"not a zip", zipped({"../out.png": b"x"}), zipped({"big.png": bytes(30 << 20)})]
)
async def test_a_zip_file_that_may_not_be_opened_is_a_finding(
    app: FastAPI, client: httpx.AsyncClient, content: bytes
) -> None:
    owner = await make_user(app.state.database)
    if len(content) > 10**7:
        content = content[: 9 * 10**6]
    repo = await make_data(app, owner, {"pets.zip": content})
    found = (await inventory(client, repo)).json()
    assert "ARCHIVE_INVALID" in {finding["code"] for finding in found["findings"]}


async def test_a_new_commit_opens_only_the_new_images(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    owner = await make_user(app.state.database)
    repo = await make_data(app, owner, class_folders(4))
    await inventory(client, repo)
    await add(app, owner, repo, {"cat/new.png": picture(555)})
    before = await num_probes(app)
    found = (await inventory(client, repo)).json()
    assert found["num_examples"] == 9
    assert await num_probes(app) == before + 1


async def num_probes(app: FastAPI) -> int:
    async with app.state.database.transaction() as db:
        return int((await db.scalars(select(func.count()).select_from(Probe))).one())


async def test_a_private_data_set_is_invisible_to_strangers(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    owner = await make_user(app.state.database)
    repo = await make_data(app, owner, private=True)
    headers = bearer(await make_token(app.state.database, owner))
    assert (await inventory(client, repo, **headers)).status_code == 200
    hidden = await inventory(client, repo)
    missing = await inventory(client, f"{owner.name}/nothing")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["error"] == missing.json()["error"]


async def test_an_unknown_revision_is_not_found(app: FastAPI, client: httpx.AsyncClient) -> None:
    repo = await make_data(app, await make_user(app.state.database))
    answer = await client.get(f"/api/v1/datasets/{repo}/inventory?revision=nothing")
    assert answer.status_code == 404
