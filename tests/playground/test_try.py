"""Trying a model: the box gives what the training's own test gave, to those who may read it."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from safetensors.numpy import save

from app.accounts.schemas import AccountRef
from app.cli import main
from app.core.db import Database
from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.worker.builders import Run
from worker.trying.host import Predictor

pytestmark = pytest.mark.timeout(300)
PNG = {"Content-Type": "image/png"}


@pytest.fixture
async def ada(database: Database) -> AccountRef:
    return await make_user(database)


async def publish(app: FastAPI, owner: AccountRef, run: Run, **values: Any) -> str:
    folder = run.out / "out" / "result"
    left_out = values.pop("without", ())
    files = {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.name not in left_out
    }
    state = app.state
    made = await make_repository(state.database, state.storage, owner, files=files, **values)
    return f"{made.owner_name}/{made.name}"


def predict(site: Site, name: str, **request: Any) -> httpx.Response:
    """Ask, and again where the answer says so: loading takes long while other tests run."""
    address = f"{site.url}/api/v1/models/{name}/predict"
    for _ in range(3):
        answer = httpx.post(address, timeout=120, **request)
        if answer.status_code != 503 or answer.json()["code"] != "too_slow":
            break
    return answer


def opened(site: Site, name: str, path: str = "") -> httpx.Response:
    return httpx.get(f"{site.url}/{name}{path}", timeout=120)


def posted(site: Site, name: str, content: bytes, **headers: str) -> httpx.Response:
    files = {"file": ("picture.png", content, "image/png")}
    return httpx.post(f"{site.url}/{name}/try", files=files, headers=headers, timeout=120)


def pictures_of(run: Run) -> dict[Path, str]:
    folder = run.out.parent / "data" / "test"
    return {path: path.parent.name for path in sorted(folder.rglob("*.png"))}


@pytest.mark.slow
async def test_the_box_says_what_the_test_of_the_training_said(
    app: FastAPI, site: Site, predictor: Predictor, ada: AccountRef, trained: Run
) -> None:
    name = await publish(app, ada, trained)
    classes = list(trained.result.classes)
    confusion = [[0] * len(classes) for _ in classes]
    for path, label in pictures_of(trained).items():
        answer = predict(site, name, content=path.read_bytes(), headers=PNG)
        assert answer.status_code == 200, answer.text
        best = answer.json()["scores"][0]["label"]
        confusion[classes.index(label)][classes.index(best)] += 1

    assert [list(row) for row in trained.result.splits["test"].confusion] == confusion


async def test_a_plain_form_shows_the_answer_on_a_page(
    app: FastAPI, site: Site, talker: None, ada: AccountRef, trained: Run
) -> None:
    name = await publish(app, ada, trained)
    picture, _ = next(iter(pictures_of(trained).items()))
    assert f'action="/{name}/try"' in opened(site, name).text

    page = posted(site, name, picture.read_bytes())
    part = posted(site, name, picture.read_bytes(), **{"HX-Request": "true"})

    assert page.status_code == part.status_code == 200
    assert page.text.count('class="try-label"') == part.text.count('class="try-label"') == 2
    assert "<html" in page.text
    assert "<html" not in part.text


async def test_a_private_model_answers_only_those_who_may_read_it(
    app: FastAPI, site: Site, talker: None, ada: AccountRef, trained: Run
) -> None:
    name = await publish(app, ada, trained, private=True)
    content = next(iter(pictures_of(trained))).read_bytes()
    stranger = await make_user(app.state.database)
    tokens = [await make_token(app.state.database, who) for who in (stranger, ada)]

    answers = [predict(site, name, content=content, headers=PNG)]
    answers += [
        predict(site, name, content=content, headers={**PNG, **bearer(token)}) for token in tokens
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 200]
    assert opened(site, name, "/try").status_code == 404


@pytest.mark.slow
async def test_what_is_no_picture_is_refused_with_a_reason(
    app: FastAPI, site: Site, worker: None, ada: AccountRef, trained: Run
) -> None:
    name = await publish(app, ada, trained)

    broken = predict(site, name, content=b"no picture", headers=PNG)
    nothing = predict(site, name, headers=PNG)
    large = predict(site, name, content=b"x" * (11 << 20), headers=PNG)

    assert (broken.status_code, broken.json()["code"]) == (422, "input_unreadable")
    assert "picture" in broken.json()["error"]
    assert nothing.status_code == 422
    assert large.status_code == 413


async def test_a_model_without_weights_is_not_run(
    app: FastAPI, site: Site, ada: AccountRef, trained: Run
) -> None:
    name = await publish(app, ada, trained, without=("model.safetensors",))

    answer = predict(site, name, content=b"anything", headers=PNG)

    assert (answer.status_code, answer.json()["code"]) == (409, "model_unusable")
    assert "/try" not in opened(site, name).text


async def test_without_a_worker_the_answer_says_when_to_come_back(
    app: FastAPI, site: Site, ada: AccountRef, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.playground.service.asking.UNTAKEN_S", 0.2)
    name = await publish(app, ada, trained)

    answer = predict(site, name, content=b"anything", headers=PNG)

    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_visitor_who_asks_without_end_is_slowed_down(
    app: FastAPI, site: Site, ada: AccountRef, trained: Run
) -> None:
    name = await publish(app, ada, trained, without=("model.safetensors",))

    statuses = [predict(site, name, content=b"x", headers=PNG).status_code for _ in range(21)]

    assert statuses == [409] * 20 + [429]


async def test_the_command_prints_the_best_classes(
    app: FastAPI,
    site: Site,
    talker: None,
    ada: AccountRef,
    trained: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = await publish(app, ada, trained)
    monkeypatch.setenv("TUNINGFORK_TOKEN", await make_token(app.state.database, ada))
    picture = next(iter(pictures_of(trained)))

    done = CliRunner().invoke(main, ["predict", name, str(picture), "--url", site.url])

    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.output.splitlines()]
    assert [line[0][-1] for line in lines] == ["%"] * 2
    assert {line[1] for line in lines} == {"blue", "red"}


async def test_the_card_of_a_model_of_texts_opens_with_an_empty_box(
    app: FastAPI, site: Site, ada: AccountRef
) -> None:
    card = b"---\nlibrary_name: transformers\npipeline_tag: text-classification\n---\n# Judge\n"
    weights = save({"weight": np.zeros(4, np.float32)})
    files = {"README.md": card, "config.json": b"{}", "model.safetensors": weights}
    made = await make_repository(app.state.database, app.state.storage, ada, files=files)

    page = opened(site, f"{made.owner_name}/{made.name}")

    assert page.status_code == 200
    assert 'maxlength="20000"></textarea>' in page.text
