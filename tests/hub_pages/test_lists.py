"""Lists and the first page: what is found, by which words and filters, in which language."""

import httpx
import pytest

from app.core.db import Database
from tests.factories.accounts import make_user, sign_in

PAGE = {"Accept": "text/html"}


@pytest.fixture
async def shelf(client: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:
    """Return a visitor's client of a site with three models and a data set."""
    await make_user(database, "ada")
    await sign_in(client, "ada")
    for kind, name, head, text in (
        ("model", "cats", "pipeline_tag: image-classification\nlicense: mit", "Tells cats apart."),
        ("model", "words", "pipeline_tag: text-classification\nlicense: mit", "Reads reviews."),
        ("model", "tones", "pipeline_tag: audio-classification\ntags: [bell]", "Hears bells."),
        ("dataset", "digits", "task_categories: [image-classification]", "Ten digits."),
    ):
        await client.post("/new", data={"kind": kind, "owner": "ada", "name": name})
        prefix = "/datasets" if kind == "dataset" else ""
        card = f"---\n{head}\n---\n# {name}\n\n{text}\n".encode()
        await client.post(f"{prefix}/ada/{name}/upload/main", files={"files": ("README.md", card)})
    client.cookies.clear()
    return client


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"cats", "words", "tones"}),
        ("q=CATS", {"cats"}),
        ("q=reviews", {"words"}),
        ("q=bell", {"tones"}),
        ("task=text-classification", {"words"}),
        ("license=mit&sort=createdAt", {"cats", "words"}),
        ("tag=bell", {"tones"}),
        ("owner=ada&q=nothing", set()),
    ],
)
async def test_a_list_is_narrowed_by_its_address(
    shelf: httpx.AsyncClient, query: str, found: set[str]
) -> None:
    page = (await shelf.get(f"/models?{query}", headers=PAGE)).text
    names = {name for name in ("cats", "words", "tones") if f'href="/ada/{name}"' in page}
    assert names == found


async def test_facets_count_what_they_would_show(shelf: httpx.AsyncClient) -> None:
    page = (await shelf.get("/models", headers=PAGE)).text
    assert '<a href="/models?license=mit"><span>mit</span><span class="count">2</span>' in page
    assert "<span>bell</span>" in page


async def test_data_sets_have_a_list_of_their_own(shelf: httpx.AsyncClient) -> None:
    page = (await shelf.get("/datasets", headers=PAGE)).text
    assert 'href="/datasets/ada/digits"' in page
    assert "/ada/cats" not in page


@pytest.mark.parametrize("query", ["cursor=nonsense", "sort=nonsense", f"q={'x' * 300}"])
async def test_a_wrong_address_is_answered_with_a_sentence(
    shelf: httpx.AsyncClient, query: str
) -> None:
    answer = await shelf.get(f"/models?{query}", headers=PAGE)
    assert answer.status_code in {400, 422}
    assert "That did not work" in answer.text


async def test_the_first_page_counts_what_is_there(shelf: httpx.AsyncClient) -> None:
    page = (await shelf.get("/", headers=PAGE)).text
    assert "3 models" in page
    assert "1 data set" in page
    assert 'href="/ada/cats"' in page


async def test_the_first_page_speaks_chinese(shelf: httpx.AsyncClient) -> None:
    page = (await shelf.get("/", headers={**PAGE, "Accept-Language": "zh-CN"})).text
    assert '<html lang="zh-CN"' in page
    assert "3 个模型" in page
    assert "图像分类" in page


async def test_a_member_sees_their_own_things_first(shelf: httpx.AsyncClient) -> None:
    await sign_in(shelf, "ada")
    page = (await shelf.get("/", headers=PAGE)).text
    assert page.index("My repositories") < page.index("Rising models")
    assert "Your first run takes a minute" in page


async def test_a_page_that_is_not_there_says_so_with_an_incident(shelf: httpx.AsyncClient) -> None:
    answer = await shelf.get("/nobody", headers=PAGE)
    assert answer.status_code == 404
    assert answer.headers["x-request-id"] in answer.text


async def test_the_theme_and_language_forms_come_back_to_the_page(
    shelf: httpx.AsyncClient,
) -> None:
    form = {"theme": "dark", "next": "/models?q=cats"}
    answer = await shelf.post("/preferences", data=form)
    assert answer.headers["location"] == "/models?q=cats"
    assert 'data-bs-theme="dark"' in (await shelf.get("/models", headers=PAGE)).text


async def test_a_summary_keeps_the_underscores_of_names(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_user(database, "ada")
    await sign_in(client, "ada")
    await client.post("/new", data={"kind": "model", "owner": "ada", "name": "net"})
    card = b"# Net\n\n_Quick_ and `tf_efficientnet_lite0` **inside**.\n"
    await client.post("/ada/net/upload/main", files={"files": ("README.md", card)})
    page = await client.get("/models", headers=PAGE)
    assert "Quick and tf_efficientnet_lite0 inside." in page.text
