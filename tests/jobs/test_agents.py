"""Jobs whose agents learn in an environment need no data set on the site."""

import httpx
import pytest
from fastapi import FastAPI

from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import make_base, make_data, recipe_values

pytestmark = pytest.mark.usefixtures("app")


async def submitted(app: FastAPI, client: httpx.AsyncClient, env: dict[str, object]) -> object:
    user = await make_user(app.state.database)
    headers = bearer(await make_token(app.state.database, user))
    recipe = recipe_values(await make_base(app, user), await make_data(app, user))
    for key in ("augment", "evaluate"):
        recipe.pop(key, None)
    recipe |= {
        "task": "reinforcement-learning",
        "model": {"base": {"repo": "tuningfork/mlp-policy", "weights": "random"}},
        "data": {"train": {"repo": "env/CartPole-v1"}},
        "env": env,
        "train": {
            "batch_size": 512,
            "stages": [{"name": "all", "train": "all", "epochs": 1, "optimizer": {"lr": 1e-3}}],
        },
    }
    return await client.post("/api/v1/jobs", json={"recipe": recipe}, headers=headers)


async def test_an_agent_is_queued_without_a_data_set(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    answer = await submitted(app, client, {"id": "CartPole-v1", "shift": {"length": 1.0}})

    assert isinstance(answer, httpx.Response)
    assert answer.status_code == 201, answer.text
    assert answer.json()["inputs"] == []
    assert answer.json()["plan"]["recipe"]["env"]["shift"] == {"length": 1.0}


async def test_a_shift_that_the_environment_does_not_have_is_told_by_name(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    answer = await submitted(app, client, {"id": "CartPole-v1", "shift": {"colour": 1.0}})

    assert isinstance(answer, httpx.Response)
    assert answer.status_code == 422
    assert "has no colour" in answer.text
