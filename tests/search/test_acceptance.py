"""What a search must find and must not find, in Chinese, English and both at once."""

from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.core.storage import BlobStore
from app.search import service
from app.tutorials import service as tutorials
from app.tutorials.schemas import TutorialText
from tests.hub.conftest import storage

__all__ = ["storage"]

# Each a tutorial: its name, its language, its title and what it says.
TEXTS = [
    ("mixed", "zh-CN", "图像分类入门", "使用ResNet-50微调，只训练最后一层。"),
    ("overfit-zh", "zh-CN", "模型过拟合怎么办", "过拟合时，训练集的准确率高。可用早停。"),
    ("underfit-zh", "zh-CN", "欠拟合", "模型太小会欠拟合：训练集的准确率也低。"),
    ("traditional", "zh-CN", "學習率與微調", "凍結卷積層，再調整學習率。"),
    ("segmentation", "zh-CN", "语义分割", "语义分割给每个像素一个类别。"),
    ("warmup", "zh-CN", "学习率预热", "先用很小的学习率，显存不足时减小批量。"),
    ("overfitting", "en", "Overfitting and what to do", "A model that overfits knows its data."),
    ("finetune", "en", "Finetune a network", "How to fine-tune the last layers of BERT."),
    ("snake", "en", "The flag fine_tuning", "Set fine_tuning to true."),
    ("resnet", "en", "resnet50 from random weights", "A residual network without pretraining."),
    ("frozen", "en", "Frozen layers", "Layers that are frozen stay as they are; thaw the layers."),
    ("cpp", "en", "Custom operators in C++", "Write an operator in C++, not in C."),
    ("price", "en", "What a GPU costs", "It costs $5 an hour."),
]  # fmt: skip
FOUND = [
    ("微调", {"mixed", "traditional"}, {"overfit-zh"}),
    ("微調", {"mixed", "traditional"}, set()),
    ("过拟合", {"overfit-zh"}, {"underfit-zh"}),
    ("層", {"mixed", "traditional"}, {"overfit-zh"}),
    ("层", {"mixed", "traditional"}, {"overfit-zh"}),
    ("resnet", {"mixed", "resnet"}, set()),
    ("resnet50", {"mixed", "resnet"}, set()),
    ("ResNet 50", {"mixed", "resnet"}, set()),
    ("resnet-50", {"mixed", "resnet"}, set()),
    ("overfitting", {"overfitting"}, set()),
    ("overfits", {"overfitting"}, set()),
    ("finetune", {"finetune", "snake"}, {"mixed"}),
    ("fine_tuning", {"finetune", "snake"}, set()),
    ("fine tuning", {"finetune", "snake"}, set()),
    ("ＢＥＲＴ", {"finetune"}, set()),
    ('"frozen layers"', {"frozen"}, {"finetune"}),
    ('"layers frozen"', set(), {"frozen"}),
    ('"thaw the layers"', {"frozen"}, set()),
    ("layers -frozen", {"finetune"}, {"frozen"}),
    ("模型过拟合怎么办", {"overfit-zh"}, set()),
    ("显存不足怎么解决", {"warmup"}, set()),
    ("C++", {"cpp"}, set()),
    ("像素 OR 显存", {"segmentation", "warmup"}, {"underfit-zh"}),
    ("lang:en resnet", {"resnet"}, {"mixed"}),
    ("is:tutorial 语义分割", {"segmentation"}, set()),
    ("is:model 语义分割", set(), {"segmentation"}),
]  # fmt: skip
HOSTILE = [
    "' & | ! <-> :* \\", "(", "')", '"', '"" "', "-", "--", ":", "tag:", "is:", "a:b:c",
    "😀", "👩‍🔬 模型", "%", "OR", "OR OR", "-OR", "score:>99999999999999", "before:never", "<b>",
    "\\", "*", "层" * 200, "x" * 300, "a " * 150, "-微调", '-"', "tag:' OR 1=1 --", "\ud800",
]  # fmt: skip


@pytest.fixture
async def shelf(
    client: httpx.AsyncClient, database: Database, storage: BlobStore
) -> httpx.AsyncClient:
    """Return a visitor's client of a site with the tutorials above."""
    async with database.transaction() as db:
        for slug, language, title, body in TEXTS:
            await tutorials.publish(db, slug, TutorialText(language, title, "", body))
    await service.catch_up(database, storage)
    return client


async def search(client: httpx.AsyncClient, query: str, **more: str) -> Any:
    answer = await client.get("/api/v1/search", params={"q": query, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(found: Any) -> list[str]:
    return [hit["url"].removeprefix("/tutorials/").partition("?")[0] for hit in found["hits"]]


@pytest.mark.parametrize(("query", "wanted", "unwanted"), FOUND, ids=[row[0] for row in FOUND])
async def test_a_search_finds_what_it_should(
    shelf: httpx.AsyncClient, query: str, wanted: set[str], unwanted: set[str]
) -> None:
    found = await search(shelf, query)
    assert wanted <= set(names(found))
    assert not unwanted & set(names(found))
    assert found["total"] == len(names(found))


async def test_the_best_match_stands_first(shelf: httpx.AsyncClient) -> None:
    assert names(await search(shelf, "欠拟合"))[0] == "underfit-zh"
    assert names(await search(shelf, "overfitting"))[0] == "overfitting"


async def test_where_all_words_are_nowhere_some_of_them_are_shown(
    shelf: httpx.AsyncClient,
) -> None:
    found = await search(shelf, "语义分割 bert")
    assert found["loose"]
    assert {"segmentation", "finetune"} <= set(names(found))


@pytest.mark.parametrize("query", HOSTILE)
async def test_whatever_is_typed_is_answered(shelf: httpx.AsyncClient, query: str) -> None:
    for path in ("/api/v1/search", "/search"):
        query = query.encode("utf-8", "replace").decode()
        answer = await shelf.get(path, params={"q": query}, headers={"Accept": "text/html"})
        assert answer.status_code == 200, answer.text


async def test_a_filter_that_is_none_is_named(shelf: httpx.AsyncClient) -> None:
    found = await search(shelf, "colour:red before:never overfits")
    assert found["unknown"] == ["colour", "before:never"]


async def test_the_words_are_marked_as_they_were_written(shelf: httpx.AsyncClient) -> None:
    (hit,) = (await search(shelf, "凍結"))["hits"]
    assert "<mark>凍結</mark>卷積層" in hit["snippet"]
    hits = (await search(shelf, "overfit"))["hits"]
    assert "<mark>overfits</mark>" in hits[0]["snippet"]


async def test_a_page_shows_the_same_hits(shelf: httpx.AsyncClient) -> None:
    page = (await shelf.get("/search", params={"q": "微调"})).text
    assert "/tutorials/mixed?lang=zh-CN" in page
    assert "<mark>微调</mark>" in page
    assert "/tutorials/overfit-zh" not in page
