"""What a README says, and what it may not do to the site."""

import html

import pytest

from app.hub.card import parse_card
from tests.hub.conftest import Hub

_CARD = """---
license: apache-2.0
pipeline_tag: image-classification
library_name: timm
language: [en, no]
base_model: ada/base
tags:
  - tiny
  - 2024-01-01
model-index:
  - name: net
    results:
      - task: {type: image-classification}
        dataset: {name: Digits, type: ada/digits}
        metrics:
          - {type: accuracy, value: 0.98}
---

# Net

![badge](x.png) A **small** net for [digits](http://x). 一个小模型。

More.
"""


def test_the_head_of_a_card_fills_the_columns_of_lists() -> None:
    card = parse_card(_CARD)
    assert (card.task, card.library, card.license) == (
        "image-classification", "timm", "apache-2.0",
    )  # fmt: skip
    assert card.languages == ("en", "no")
    assert {"tiny", "2024-01-01", "license:apache-2.0", "base_model:ada/base"} <= set(card.tags)
    assert card.summary == "A small net for digits. 一个小模型。"
    assert [(m.metric, m.value, m.dataset) for m in card.metrics] == [
        ("accuracy", "0.98", "Digits"),
    ]  # fmt: skip
    assert card.problems == ()


@pytest.mark.parametrize(
    ("head", "word"),
    [
        ("a: [1", "line"),
        ("a: &x 1\nb: *x", "references"),
        ("a: " + "[" * 100 + "]" * 100, "deeply"),
        ("- a\n- b", "key: value"),
        ("license: mine", '"license" must be one of'),
        ("license: [mit, mine]", '"license" must be one of'),
        ("language: English", '"language" with value'),
        ("language: [en, zh-CN]", '"language[1]" with value'),
        ("tags: {a: b}", '"tags" must be an array'),
        ("tags: [a, 3]", '"tags[1]" must be a string'),
        ("base_model: a b", '"base_model" with value'),
        ("base_model: a/b/c", '"base_model" with value'),
        ("base_model_relation: child", '"base_model_relation" must be one of'),
        ("datasets: [a/b, http://x/y]", '"datasets" with value'),
        ("pipeline_tag: [a]", '"pipeline_tag" must be a string'),
        (
            (
                "model-index: [{name: x, results: [{task: {type: t}, dataset: {type: d},"
                " metrics: [{type: a, value: 1}]}]}]"
            ),
            '"model-index[0].results[0].dataset.name" is required',
        ),
        (
            (
                "model-index: [{name: x, results: [{task: {type: t}, dataset: {type: d, name: n},"
                " metrics: [{type: a}]}]}]"
            ),
            '"model-index[0].results[0].metrics[0].value" is required',
        ),
        ("model-index: 3", "model-index"),
        ("model-index: [{name: x}]", "results"),
        ("model-index: [{name: x, results: [{}]}]", "metrics"),
        ("a: !!python/object:os.system x", "constructor"),
        ("x: " + "y" * 300_000, "256"),
    ],
)
def test_a_bad_head_is_reported_and_never_raises(head: str, word: str) -> None:
    card = parse_card(f"---\n{head}\n---\nbody\n")
    assert card.problems
    said = " ".join(f"{p.path} {p.message} {p.fix}" for p in card.problems)
    assert word in said or ('"' not in word and "README.md:" in said)
    assert card.summary == "body"


@pytest.mark.parametrize(
    "text",
    ["", "---", "---\n---", "---\n\n---\n", "\ufeff---\nlicense: mit\n---\n", "x\n---\na: 1"],
)
def test_unusual_texts_are_read_without_complaint(text: str) -> None:
    assert parse_card(text).problems == ()


def test_values_that_no_database_holds_become_text() -> None:
    card = parse_card('---\na: .nan\nb: .inf\nc: 99999999999999999999\nd: "x\\0y"\n1: 2\n---\n')
    assert card.metadata == {
        "a": "nan", "b": "inf", "c": "99999999999999999999", "d": "xy", "1": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("head", "warning"),
    [
        ("", "empty or missing yaml metadata"),
        ("tags: [a]", '"license" is missing'),
        ("license: other", '"license_name" is missing'),
    ],
)
def test_what_readers_will_miss_is_warned_of(head: str, warning: str) -> None:
    card = parse_card(f"---\n{head}\n---\nbody\n")
    assert card.problems == ()
    assert [sentence for sentence in card.warnings if warning in sentence]


async def test_the_editor_and_the_protocol_refuse_a_card_in_the_same_words(hub: Hub) -> None:
    text = "---\nlicense: mine\n---\n# Net\n"
    asked = await hub.post("/api/validate-yaml", {"content": text, "repoType": "model"})
    saved = await hub.client.post(
        "/ada/net/edit/main/README.md",
        data={"text": text},
        headers=hub.headers | {"Accept": "text/html"},
    )
    sentence = asked.json()["errors"][0]["message"]
    assert (asked.status_code, saved.status_code) == (400, 422)
    assert sentence in html.unescape(saved.text)
