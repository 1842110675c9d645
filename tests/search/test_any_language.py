"""Who searches in any language finds terms of the field in Chinese by English words, and back."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.search.glossary import glossary, lines, units
from tests.factories.accounts import bearer, make_token, make_user
from tests.hub.conftest import storage
from tests.search.test_acceptance import names, search, shelf

__all__ = ["shelf", "storage"]


@pytest.mark.parametrize(
    ("query", "wanted", "unwanted"),
    [
        ("overfitting", ["overfitting", "overfit-zh"], {"underfit-zh"}),
        ("过拟合", ["overfit-zh", "overfitting"], set()),
        ("過擬合", ["overfit-zh", "overfitting"], set()),
        ("fine tuning", ["finetune", "mixed"], {"overfit-zh"}),
        ("微调", ["mixed", "finetune"], set()),
        ("learning rate", ["warmup"], {"resnet"}),
        ("Learning Rate warmup", ["warmup"], {"traditional"}),
        ("resnet finetune", ["mixed"], {"finetune", "resnet"}),
        ("semantic segmentation -像素", [], {"segmentation"}),
    ],
)
async def test_a_term_is_found_in_the_other_language(
    shelf: httpx.AsyncClient, query: str, wanted: list[str], unwanted: set[str]
) -> None:
    found = names(await search(shelf, f"{query} lang:any"))
    assert [name for name in found if name in wanted] == wanted
    assert not unwanted & set(found)


async def test_what_was_typed_stands_above_what_was_translated(shelf: httpx.AsyncClient) -> None:
    for query, language in (("overfits", "zh-CN"), ("微调", "en")):
        headers = {"Accept-Language": language}
        answer = await shelf.get(
            "/api/v1/search", params={"q": f"{query} lang:any"}, headers=headers
        )
        found: dict[str, Any] = answer.json()
        direct = set(names(await search(shelf, query)))
        assert set(names(found)[: len(direct)]) == direct
        assert len(names(found)) > len(direct)


async def test_hits_say_their_language_and_which_words_were_added(shelf: httpx.AsyncClient) -> None:
    found = await search(shelf, "overfitting lang:any")
    languages = [hit["language_name"] for hit in found["hits"]]
    assert names(found) == ["overfitting", "overfit-zh"]
    assert languages == ["English", "中文"]
    assert found["translations"] == {"overfitting": ["过拟合"]}
    assert "<mark>过拟合</mark>" in found["hits"][1]["title"]
    page = (await shelf.get("/search", params={"q": "overfitting lang:any"})).text
    assert ">中文<" in page
    assert "overfitting → 过拟合" in page


async def test_a_plain_search_offers_both_languages_and_stays_in_its_own(
    shelf: httpx.AsyncClient,
) -> None:
    page = (await shelf.get("/search", params={"q": "finetune"})).text
    other = (await shelf.get("/search", params={"q": "C++"})).text
    assert "finetune+lang%3Aany" in page or "finetune%20lang%3Aany" in page
    assert "lang%3Aany" not in other
    assert "mixed" not in names(await search(shelf, "finetune"))


@pytest.mark.parametrize("query", ['"frozen layers"', "像素 OR 显存", "-微调 lang:any", "lang:any"])
async def test_exact_words_stay_exact(shelf: httpx.AsyncClient, query: str) -> None:
    found = await search(shelf, f"{query} lang:any")
    assert found["translations"] == {}
    assert "lang:any" not in found["unknown"]


def test_the_glossary_holds_many_pairs_and_every_one_is_found_again() -> None:
    text = Path("app/search/glossary.txt").read_text(encoding="utf-8")
    found = list(lines(text))
    assert len(found) >= 60
    for english, chinese in found:
        assert english
        assert chinese
        for term in (*english, *chinese):
            assert any(unit.others for unit in units([term])), term
    assert glossary().of_chinese["过拟合"] == ("overfitting", "overfit")


async def test_an_administrator_is_told_what_was_found_through_a_translation(
    shelf: httpx.AsyncClient, database: Database
) -> None:
    carol = await make_user(database, "carol", is_admin=True)
    headers = bearer(await make_token(database, carol, "all"))
    asked = {"q": "overfitting lang:any", "explain": "true"}
    found = (await shelf.get("/api/v1/search", params=asked, headers=headers)).json()["hits"]
    assert [hit["ranked_by"]["translated"] for hit in found] == pytest.approx([1.0, 0.001])
