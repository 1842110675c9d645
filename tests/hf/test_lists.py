"""Lists: every filter, every order, the fields a client may ask for, and pages that hold still."""

import httpx
import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.hub.schemas import RepositoryKind
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository

_CONFIG = b'{"architectures": ["BertForMaskedLM"], "model_type": "bert"}'
_HEADER = b'{"a":{"dtype":"F32","shape":[10,10],"data_offsets":[0,400]}}'
_WEIGHTS = len(_HEADER).to_bytes(8, "little") + _HEADER + bytes(400)


def _card(**head: str) -> bytes:
    lines = "\n".join(f"{key}: {value}" for key, value in head.items())
    return f"---\n{lines}\n---\n# Card\n\nSee https://arxiv.org/abs/2401.12345\n".encode()


@pytest.fixture
async def shelf(client: httpx.AsyncClient, database: Database, app: FastAPI) -> httpx.AsyncClient:
    """Four models (one private), two data sets; the client is ada's."""
    ada, bob = await make_user(database, "ada"), await make_user(database, "bob")
    models = {
        "base": {"license": "mit", "language": "en", "pipeline_tag": "fill-mask"},
        "tuned": {"license": "mit", "language": "zh", "base_model": "ada/base"},
        "hidden": {"license": "mit"},
    }
    storage = app.state.storage
    for name, head in models.items():
        files = {"README.md": _card(**head)}
        if name == "base":
            files |= {"config.json": _CONFIG, "model.safetensors": _WEIGHTS}
        await make_repository(database, storage, ada, name, files=files, private=name == "hidden")
    other = {"README.md": _card(license="gpl-3.0", tags="[fill-mask, 医疗]")}
    await make_repository(database, storage, bob, "other", files=other)
    for name, language in (("words", "en"), ("texts", "zh")):
        files = {"README.md": _card(language=language, size_categories="n<1K")}
        await make_repository(
            database, storage, ada, name, files=files, kind=RepositoryKind.DATASET
        )
    client.headers.update(bearer(await make_token(database, ada)))
    return client


async def _names(shelf: httpx.AsyncClient, query: str, plural: str = "models") -> set[str]:
    answer = await shelf.get(f"/api/{plural}?{query}")
    assert answer.status_code == 200, answer.text
    return {row["id"].split("/")[1] for row in answer.json()}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"base", "tuned", "hidden", "other"}),
        ("author=bob", {"other"}),
        ("author=BOB", {"other"}),
        ("author=nobody", set()),
        ("search=tun", {"tuned"}),
        ("search=ada&search=BASE", {"base"}),
        ("search=医疗", {"other"}),
        ("search=%25", set()),
        ("pipeline_tag=fill-mask", {"base"}),
        ("filter=fill-mask", {"base", "other"}),
        ("filter=license:mit&filter=en", {"base"}),
        ("filter=license:mit,zh", {"tuned"}),
        ("filter=language:zh", {"tuned"}),
        ("filter=base_model:ada/base", {"tuned"}),
        ("filter=base_model:finetune:ada/base", {"tuned"}),
        ("filter=arxiv:2401.12345&author=bob", {"other"}),
        ("filter=safetensors", {"base"}),
        ("filter=bert", {"base"}),
        ("filter=transformers", {"base"}),
        ("filter=region:us&author=bob", {"other"}),
        ("num_parameters=max:1K", {"base"}),
        ("num_parameters=min:1K,max:6B", set()),
        ("gated=True", set()),
        ("gated=false", {"base", "tuned", "hidden", "other"}),
        ("inference_provider=all", set()),
        ("apps=vllm&author=bob", {"other"}),
        ("apps=llama.cpp", set()),
    ],
)
async def test_a_list_of_models_is_narrowed(
    shelf: httpx.AsyncClient, query: str, found: set[str]
) -> None:
    assert await _names(shelf, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filter=language:en", {"words"}),
        ("filter=size_categories:n<1K", {"words", "texts"}),
        ("search=text", {"texts"}),
        ("filter=license:mit", set()),
    ],
)
async def test_a_list_of_data_sets_is_narrowed(
    shelf: httpx.AsyncClient, query: str, found: set[str]
) -> None:
    assert await _names(shelf, query, "datasets") == found


@pytest.mark.parametrize(
    "query",
    ["sort=nothing", "limit=many", "expand=nothing", "num_parameters=6B", "gated=maybe",
     "cursor=x", "&".join(["filter=a"] * 40)],
)  # fmt: skip
async def test_a_list_that_cannot_be_understood_is_refused(
    shelf: httpx.AsyncClient, query: str
) -> None:
    answer = await shelf.get(f"/api/models?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "sort", ["createdAt", "lastModified", "downloads", "likes", "trendingScore", "created_at"]
)
async def test_pages_hold_every_row_once_in_every_order(
    shelf: httpx.AsyncClient, sort: str
) -> None:
    address, seen = f"/api/models?limit=1&sort={sort}&direction=-1", []
    while address:
        answer = await shelf.get(address)
        seen += [row["id"] for row in answer.json()]
        address = answer.links.get("next", {}).get("url", "")
    assert sorted(seen) == ["ada/base", "ada/hidden", "ada/tuned", "bob/other"]


async def test_a_private_repository_is_in_its_owners_list_alone(
    shelf: httpx.AsyncClient, database: Database
) -> None:
    shelf.headers.pop("authorization")
    assert await _names(shelf, "") == {"base", "tuned", "other"}
    assert await _names(shelf, "search=hidden") == set()


async def test_what_files_say_of_a_model_is_described(shelf: httpx.AsyncClient) -> None:
    fields = "safetensors,config,transformersInfo,childrenModelCount,tags,library_name"
    info = (await shelf.get(f"/api/models/ada/base?expand={fields}")).json()
    child = (await shelf.get("/api/models/ada/tuned?expand=baseModels")).json()
    assert info["safetensors"] == {"parameters": {"F32": 100}, "total": 100}
    assert info["config"]["architectures"] == ["BertForMaskedLM"]
    assert info["transformersInfo"] == {
        "auto_model": "AutoModelForMaskedLM", "pipeline_tag": "fill-mask",
    }  # fmt: skip
    assert info["childrenModelCount"] == {
        "adapter": 0, "merge": 0, "quantized": 0, "finetune": 1,
    }  # fmt: skip
    assert {"region:us", "bert", "safetensors", "license:mit"} <= set(info["tags"])
    assert child["baseModels"]["relation"] == "finetune"
    assert child["baseModels"]["models"][0]["id"] == "ada/base"


async def test_a_list_gives_the_fields_that_are_asked_for(shelf: httpx.AsyncClient) -> None:
    bare = (await shelf.get("/api/models?author=bob")).json()[0]
    full = (await shelf.get("/api/models?author=bob&full=True&config=true")).json()[0]
    wanted = (await shelf.get("/api/models?author=bob&expand=cardData&expand=likes")).json()[0]
    assert "siblings" not in bare
    assert [s["rfilename"] for s in full["siblings"]] == [".gitattributes", "README.md"]
    assert full["cardData"]["license"] == "gpl-3.0"
    assert full["config"] == {}
    assert sorted(wanted) == ["_id", "cardData", "id", "likes", "modelId"]


async def test_tags_are_listed_by_what_they_say(shelf: httpx.AsyncClient) -> None:
    models = (await shelf.get("/api/models-tags-by-type")).json()
    datasets = (await shelf.get("/api/datasets-tags-by-type")).json()
    ids = {kind: {tag["id"] for tag in tags} for kind, tags in models.items()}
    assert ids["license"] == {"license:mit", "license:gpl-3.0"}
    assert ids["language"] == {"en", "zh"}
    assert "fill-mask" in ids["pipeline_tag"]
    assert "transformers" in ids["library"]
    assert {tag["id"] for tag in datasets["language"]} == {"language:en", "language:zh"}
    assert (await shelf.get("/api/things-tags-by-type")).status_code == 404


async def test_people_and_organisations_are_described(shelf: httpx.AsyncClient) -> None:
    ada = (await shelf.get("/api/users/ada/overview")).json()
    bob = (await shelf.get("/api/users/bob/overview")).json()
    own = await shelf.get("/api/settings/repositories")
    rest = await shelf.get(own.links["next"]["url"])
    rows = {row["id"]: row for row in own.json() + rest.json()}
    assert (ada["numModels"], ada["numDatasets"], bob["numModels"]) == (3, 2, 1)
    assert set(rows) == {"ada/base", "ada/tuned", "ada/hidden", "ada/words", "ada/texts"}
    assert rows["ada/hidden"]["visibility"] == "private"
    assert rows["ada/words"]["type"] == "dataset"
    assert (await shelf.get("/api/users/nobody/overview")).status_code == 404
    assert (await shelf.get("/api/users/ada/followers")).json() == []


async def test_an_order_of_time_is_newest_first(shelf: httpx.AsyncClient) -> None:
    rows = (await shelf.get("/api/models?sort=createdAt")).json()
    assert [row["id"] for row in rows] == ["bob/other", "ada/hidden", "ada/tuned", "ada/base"]
