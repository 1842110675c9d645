"""What a README says, and what it may not do to the site."""

import base64
import html
import json

import httpx
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


_BAD = "---\nlicense: mine\n---\n# Net\n"


def _lines(text: str) -> str:
    content = base64.b64encode(text.encode()).decode()
    file = {"path": "README.md", "content": content, "encoding": "base64"}
    header = {"key": "header", "value": {"summary": "Change"}}
    return "\n".join(json.dumps(line) for line in (header, {"key": "file", "value": file}))


async def _through(hub: Hub, door: str, text: str) -> httpx.Response:
    """Write a card to `main`, or propose one."""
    as_page = hub.headers | {"Accept": "text/html"}
    if door == "protocol":
        path, body = "/api/models/ada/net/commit/main", _lines(text)
        return await hub.client.post(path, content=body, headers=hub.headers)
    if door == "api":
        path = "/api/v1/repos/models/ada/net/commits"
        return await hub.post(path, {"message": "Change", "texts": {"README.md": text}})
    if door == "upload":
        files = {"files": ("README.md", text.encode())}
        return await hub.client.post("/ada/net/upload/main", files=files, headers=as_page)
    path = f"/ada/net/{door}/main/README.md"
    return await hub.client.post(path, data={"text": text}, headers=as_page)


@pytest.mark.parametrize("door", ["protocol", "api", "upload", "edit", "propose"])
async def test_every_door_refuses_a_card_in_the_words_of_the_check(hub: Hub, door: str) -> None:
    asked = await hub.post("/api/validate-yaml", {"content": _BAD, "repoType": "model"})
    before = (await hub.get("/api/models/ada/net")).json()["sha"]
    refused = await _through(hub, door, _BAD)
    after = (await hub.get("/api/models/ada/net")).json()["sha"]
    taken = await _through(hub, door, _BAD.replace("mine", "mit"))
    said = html.unescape(refused.json()["error"] if door == "protocol" else refused.text)
    sentence = asked.json()["errors"][0]["message"]
    assert (asked.status_code, refused.status_code) == (400, 422)
    assert sentence in said.replace('\\"', '"')
    assert "README.md: " in said
    assert after == before
    assert taken.status_code in {200, 201, 303}
