"""The pages of sweeps, without a script."""

import re
from html import unescape
from typing import Any

import httpx
import pytest
import yaml

from tests.factories.accounts import sign_in
from tests.sweeps.crew import LR, Crew, lr_search


@pytest.fixture
async def reader(crew: Crew) -> httpx.AsyncClient:
    """The owner's browser."""
    await sign_in(crew.client, crew.data.partition("/")[0])
    crew.client.headers["Accept"] = "text/html"
    return crew.client


def form(crew: Crew, **answers: Any) -> dict[str, Any]:
    """The settings form as a browser sends it."""
    text = yaml.safe_dump(crew.recipe())
    return {"recipe": text, "sampler": "tpe", "pruner": "median", "n_trials": "3"} | answers


async def test_the_settings_suggest_bounds_around_the_learning_rate(
    crew: Crew, reader: httpx.AsyncClient
) -> None:
    page = await reader.post("/sweeps/new", data={"recipe": yaml.safe_dump(crew.recipe())})
    assert page.status_code == 200
    assert 'value="0.0001, 0.01"' in page.text
    assert page.text.count("checked") == 1


async def test_the_form_begins_a_sweep_and_its_page_shows_the_best(
    crew: Crew, reader: httpx.AsyncClient
) -> None:
    answers = form(crew, try_0="1", values_0="0.001, 0.02", at_once="2")
    begun = await reader.post("/sweeps", data=answers)
    assert begun.status_code == 303, begun.text
    await crew.work(int(begun.headers["location"].rpartition("/")[2]))
    page = (await reader.get(begun.headers["location"])).text
    assert "The best" in page
    assert page.count('class="line ') == 3
    assert "Finished" in (await reader.get("/sweeps")).text


async def test_what_is_wrong_in_the_form_is_said_and_what_was_typed_is_kept(
    crew: Crew, reader: httpx.AsyncClient
) -> None:
    page = await reader.post("/sweeps", data=form(crew, try_0="1", values_0="0.1, many"))
    assert page.status_code == 422
    assert "many is not a number" in page.text
    assert 'value="0.1, many"' in page.text


async def test_blocks_in_the_text_go_before_the_fields(
    crew: Crew, reader: httpx.AsyncClient
) -> None:
    text = yaml.safe_dump(crew.recipe(cross_validation={"n_splits": 2}))
    begun = await reader.post("/sweeps", data=form(crew, recipe=text, try_0="1"))
    sweep = await crew.work(int(begun.headers["location"].rpartition("/")[2]))
    assert (len(sweep["points"]), sweep["num_jobs"]) == (1, 2)
    page = (await reader.get(begun.headers["location"])).text
    assert "mean and deviation of 2 trainings" in page


async def test_the_best_values_become_a_recipe_without_a_search(
    crew: Crew, reader: httpx.AsyncClient
) -> None:
    number = await crew.begin(search=lr_search(n_trials=2))
    sweep = await crew.work(number)
    best = next(p for p in sweep["points"] if p["point"] == sweep["best_point"])
    page = (await reader.get(f"/sweeps/{number}")).text
    found = re.search(r'name="recipe" value="([^"]*)"', page)
    assert found is not None
    recipe = yaml.safe_load(unescape(found[1]))
    assert recipe["train"]["stages"][0]["optimizer"]["lr"] == pytest.approx(best["params"][LR])
    assert "search" not in recipe
    answer = await reader.post(
        "/fine-tune", data={"recipe": yaml.safe_dump(recipe), "action": "check"}
    )
    assert answer.status_code == 200


async def test_the_best_model_is_published_in_one_step(
    crew: Crew, reader: httpx.AsyncClient
) -> None:
    crew.leaves_files = True
    number = await crew.begin(search=lr_search(n_trials=1))
    await crew.work(number)
    answer = await reader.post(f"/sweeps/{number}/promote", data={"name": "best-of-all"})
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("/best-of-all")
    again = await reader.post(f"/sweeps/{number}/promote", data={"name": "best-of-all"})
    assert again.status_code == 422
    assert 'aria-invalid="true"' in again.text


async def test_strangers_and_visitors_see_no_page(crew: Crew) -> None:
    number = await crew.begin(search=lr_search())
    page = await crew.client.get(f"/sweeps/{number}", headers={"Accept": "text/html"})
    assert page.status_code == 303
    assert page.headers["location"].startswith("/login")
