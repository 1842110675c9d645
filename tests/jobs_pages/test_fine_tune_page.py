"""The fine-tune page: without a script a plain form, and the doctor's answer in place."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.hub.schemas import RepositoryKind
from tests.factories.accounts import make_user
from tests.jobs_pages.shelf import Shelf, pets, stock

_WORDS = ("fine", "warm", "dull", "cold", "long", "short", "loud", "calm", "odd", "old")
_REVIEWS = [(word, "good" if place % 2 else "bad") for place, word in enumerate(_WORDS)]
CHOSEN = {"data": "ada/pets", "base": "ada/lite0"}


@pytest.fixture
async def shelf(app: FastAPI, database: Database, ada: AccountRef) -> Shelf:
    """Ada's shelf, with a model and a data set that fit together."""
    made = Shelf(app, database, ada)
    await stock(made)
    return made


def recipe_of(page: str) -> str:
    """The text in the page's recipe field."""
    return page.split('aria-describedby="recipe-note">', 1)[1].split("</textarea>", 1)[0]


async def form(reader: httpx.AsyncClient, **query: Any) -> str:
    answer = await reader.get("/fine-tune", params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_visitor_may_look_and_is_asked_to_sign_in_to_start(
    client: httpx.AsyncClient,
) -> None:
    page = await form(client)
    assert "Sign in to start" in page
    assert "Head, then all" in page


async def test_a_chosen_data_set_shows_its_classes_and_samples(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    page = await form(reader, data="ada/pets")
    assert "20 examples" in page
    assert "2 classes" in page
    assert page.count('loading="lazy"') == 12
    assert "The doctor found nothing wrong with these data." in page


async def test_data_and_base_together_are_ready_to_start(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    page = await form(reader, **CHOSEN)
    assert "Ready to start" in page
    assert "timm/tf_efficientnet_lite0" in page
    assert "name: lite0-pets" in recipe_of(page)


async def test_a_preset_fills_the_recipe(reader: httpx.AsyncClient, shelf: Shelf) -> None:
    page = await form(reader, **CHOSEN, preset="gradual")
    assert "gradual_unfreezing: head-to-stem" in recipe_of(page)


async def test_start_queues_a_job_and_leads_to_its_page(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    recipe = recipe_of(await form(reader, **CHOSEN))
    answer = await reader.post("/fine-tune", data={"recipe": recipe})
    assert answer.status_code == 303, answer.text
    page = await reader.get(answer.headers["location"])
    assert "lite0-pets" in page.text
    assert "Waiting" in page.text


async def test_an_unknown_key_comes_back_with_what_was_meant(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    recipe = recipe_of(await form(reader, **CHOSEN)).replace("batch_size", "batchsize")
    recipe = recipe.replace("epochs: 3", "epoch: 3")
    answer = await reader.post("/fine-tune", data={"recipe": recipe})
    assert answer.status_code == 422
    assert "Did you mean `epochs`?" in answer.text
    assert "epoch: 3" in recipe_of(answer.text)


async def test_damaged_images_are_named_and_nothing_is_queued(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    files = pets() | {"train/dog/broken.png": b"not an image"}
    await shelf.put(RepositoryKind.DATASET, "damaged", files)
    recipe = recipe_of(await form(reader, data="ada/damaged", base="ada/lite0"))
    answer = await reader.post("/fine-tune", data={"recipe": recipe})
    assert answer.status_code == 422
    assert "train/dog/broken.png" in answer.text
    assert "No jobs here yet" in (await reader.get("/jobs")).text


async def test_the_check_alone_queues_nothing(reader: httpx.AsyncClient, shelf: Shelf) -> None:
    recipe = recipe_of(await form(reader, **CHOSEN))
    answer = await reader.post("/fine-tune", data={"recipe": recipe, "action": "check"})
    assert answer.status_code == 200
    assert "Ready to start" in answer.text
    assert "No jobs here yet" in (await reader.get("/jobs")).text


async def test_the_script_gets_the_doctors_answer_as_parts(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    recipe = recipe_of(await form(reader, **CHOSEN))
    answer = await reader.post("/fine-tune/check", data={"recipe": recipe})
    assert answer.text.count('id="check"') == 1
    assert answer.text.count('id="summary"') == 1
    assert "<html" not in answer.text


async def test_a_private_data_set_of_somebody_else_looks_missing(
    reader: httpx.AsyncClient, app: FastAPI, database: Database, shelf: Shelf
) -> None:
    eve = await make_user(database, "eve")
    await Shelf(app, database, eve).put(RepositoryKind.DATASET, "secret", pets(), private=True)
    hidden = await form(reader, data="eve/secret")
    missing = await form(reader, data="eve/nothing")
    for page in (hidden, missing):
        assert 'id="data-problem"' in page
        assert 'loading="lazy"' not in page


@pytest.mark.parametrize("name", ["nonsense", "a/b/c", "../x", "<b>", "a b/c"])
async def test_a_name_that_cannot_be_one_is_told_beside_its_field(
    reader: httpx.AsyncClient, ada: AccountRef, name: str
) -> None:
    page = await form(reader, data=name, base=name)
    assert 'id="data-problem"' in page
    assert 'id="base-problem"' in page
    assert "<b>" not in page


async def test_the_recipe_of_an_earlier_job_is_taken_up_again(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    recipe = recipe_of(await form(reader, **CHOSEN)).replace("epochs: 3", "epochs: 7")
    job = (await reader.post("/fine-tune", data={"recipe": recipe})).headers["location"]
    page = await form(reader, **{"from": job.rsplit("/", 1)[1]})
    assert "epochs: 7" in recipe_of(page)
    assert 'value="ada/pets"' in page


async def test_the_form_speaks_chinese(reader: httpx.AsyncClient, shelf: Shelf) -> None:
    page = await form(reader, **CHOSEN, lang="zh-CN")
    assert "微调模型" in page
    assert "Ready to start" not in page


async def test_texts_bring_their_own_task_and_ways(reader: httpx.AsyncClient, shelf: Shelf) -> None:
    rows = "".join(f"what a {word} film,{label}\n" for word, label in _REVIEWS)
    files = {"train.csv": f"text,label\n{rows}".encode()}
    await shelf.put(RepositoryKind.DATASET, "reviews", files)
    config = {"model_type": "bert", "max_position_embeddings": 512}
    base = {"config.json": json.dumps(config).encode(), "model.safetensors": b"weights"}
    await shelf.put(RepositoryKind.MODEL, "bert", base)
    page = await form(reader, data="ada/reviews", base="ada/bert")
    assert "task: text-classification" in recipe_of(page)
    assert "up to" in page
    assert "512 tokens" in page
    assert "Images go in at" not in page
    masked = await form(reader, data="ada/reviews", base="ada/bert", task="fill-mask")
    assert "task: fill-mask" in recipe_of(masked)
    assert "Go on learning" in masked


async def test_encoders_of_sentences_are_offered_for_texts(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    files = {
        "train.csv": b"text,label\n" + b"".join(b"a %d,x\nb %d,y\n" % (n, n) for n in range(9))
    }
    await shelf.put(RepositoryKind.DATASET, "texts", files)
    card = b"---\nlibrary_name: sentence-transformers\n---\n# Encoder\n"
    await shelf.put(RepositoryKind.MODEL, "encoder", {"README.md": card})
    page = await form(reader, data="ada/texts")
    assert 'data-value="ada/encoder"' in page
    assert 'data-value="ada/lite0"' not in page


async def test_an_environment_makes_a_recipe_for_an_agent(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    page = await form(reader, data="env/Acrobot-v1")
    assert "An agent learns here" in page
    assert "id: Acrobot-v1" in recipe_of(page)
    assert 'data-value="tuningfork/mlp-policy"' in page
    ready = await form(reader, data="env/Acrobot-v1", base="tuningfork/mlp-policy")
    assert "weights: random" in recipe_of(ready)
    assert "Ready to start" in ready
    unknown = await form(reader, data="env/Chess")
    assert "There is no such environment" in unknown


async def test_a_network_that_knows_nothing_is_trained_as_a_whole(
    reader: httpx.AsyncClient, shelf: Shelf
) -> None:
    rows = "".join(f"u{n % 4},i{n % 6},{n}\n" for n in range(40))
    files = {"ratings.csv": f"userId,movieId,timestamp\n{rows}".encode()}
    await shelf.put(RepositoryKind.DATASET, "choices", files)
    page = await form(reader, data="ada/choices", base="tuningfork/two-tower")
    assert "task: recommendation" in recipe_of(page)
    assert "train: all" in recipe_of(page)
    assert "It begins with random weights" in page
