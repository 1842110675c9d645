"""What a README says, and what it may not do to the site."""

import pytest

from app.hub.card import parse_card

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
        ("license: mine", "license"),
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
    assert word in said or "README.md:" in said
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
