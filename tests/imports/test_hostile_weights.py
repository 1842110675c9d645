"""A checkpoint of another hub that would run code when it is loaded: kept, named, never loaded.

The attack: a pickle that opens a file is shared as the weights of a model, imported here, looked at
through every page and address that opens files, and chosen as the base of a job.
"""

import pickle
from pathlib import Path

import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.storage import open_storage
from tests.factories.jobs import recipe_values
from tests.imports.conftest import Hub, Importer
from tests.imports.sharing import LARGE, Shared

CONFIG = b'{"architecture": "timm/test_vit", "num_classes": 2}'
PLACES = (
    "/ada/evil",
    "/ada/evil/tree/main",
    "/ada/evil/blob/main/{}",
    "/ada/evil/raw/main/{}",
    "/ada/evil/edit/main/{}",
    "/ada/evil/resolve/main/{}",
    "/api/models/ada/evil/tree/main",
    "/api/models/ada/evil/safetensors-metadata/{}",
    "/api/models/ada/evil",
)


class Attack:
    """Opens a file for writing when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.mark), "w")


@pytest.fixture
async def shared(upstream: Hub, upstream_database: Database, bob: AccountRef) -> Shared:
    return Shared(upstream_database, open_storage(upstream.settings), bob)


async def test_an_imported_pickle_is_kept_and_never_loaded(
    shared: Shared, importer: Importer, tmp_path: Path
) -> None:
    mark = tmp_path / "it-ran"
    evil = pickle.dumps(Attack(mark), protocol=2)
    files = {"config.json": CONFIG, "pytorch_model.bin": evil, "model.safetensors": evil}
    await shared.repository("evil", files, evil + bytes(100_000))

    told = await importer.run("bob/evil")

    assert (told["state"], told["error"]) == ("succeeded", None)
    for place in PLACES:
        for name in ("pytorch_model.bin", "model.safetensors", LARGE):
            answer = await importer.client.get(place.format(name))
            assert answer.status_code < 500, place
    got = await importer.client.get("/ada/evil/resolve/main/pytorch_model.bin")
    assert got.content == evil
    page = await importer.client.get("/ada/evil/blob/main/pytorch_model.bin")
    assert "can run code" in page.text
    assert not mark.exists()


async def test_an_imported_pickle_is_no_base_and_the_answer_says_what_is(
    shared: Shared, importer: Importer, tmp_path: Path
) -> None:
    mark = tmp_path / "it-ran"
    evil = pickle.dumps(Attack(mark), protocol=2)
    await shared.repository("evil", {"config.json": CONFIG, "pytorch_model.bin": evil})
    assert (await importer.run("bob/evil"))["state"] == "succeeded"

    body = {"recipe": recipe_values("ada/evil", "ada/data")}
    answer = await importer.client.post("/api/v1/recipes/check", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "base_invalid")
    (told,) = answer.json()["details"]
    assert "ada/evil has no model.safetensors; other formats are never loaded." in told["message"]
    assert "model.safetensors" in told["fix"]
    assert not mark.exists()
