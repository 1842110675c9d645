"""Trying a model: the box gives what the training's own test gave, to those who may read it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.accounts.schemas import AccountRef
from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.worker.builders import Run
from worker.trying.host import Predictor

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def ada(site: Site) -> AccountRef:
    return await make_user(site.app.state.database)


async def publish(site: Site, owner: AccountRef, run: Run, **values: Any) -> str:
    folder = run.out / "out" / "result"
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    files = {name: files[name] for name in files.keys() - values.pop("without", set())}
    state = site.app.state
    made = await make_repository(state.database, state.storage, owner, files=files, **values)
    return f"{made.owner_name}/{made.name}"


def predict(site: Site, name: str, **request: Any) -> httpx.Response:
    address = f"{site.url}/api/v1/models/{name}/predict"
    return httpx.post(address, timeout=120, **request)


def pictures_of(run: Run) -> dict[Path, str]:
    folder = run.out.parent / "data" / "test"
    return {path: path.parent.name for path in sorted(folder.rglob("*.png"))}


async def test_the_box_says_what_the_test_of_the_training_said(
    site: Site, predictor: Predictor, ada: AccountRef, trained: Run
) -> None:
    name = await publish(site, ada, trained)
    classes = list(trained.result.classes)
    confusion = [[0] * len(classes) for _ in classes]
    for path, label in pictures_of(trained).items():
        answer = predict(
            site, name, content=path.read_bytes(), headers={"Content-Type": "image/png"}
        )
        assert answer.status_code == 200, answer.text
        best = answer.json()["scores"][0]["label"]
        confusion[classes.index(label)][classes.index(best)] += 1

    assert [list(row) for row in trained.result.splits["test"].confusion] == confusion
