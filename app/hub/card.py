"""The card: README.md with a YAML head that says what a repository is.

A card never makes a list or a page fail: what cannot be read is reported and left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from app.core.errors import Detail
from app.hub.card_rules import RELATIONS, errors_in, warnings_in

MAX_HEAD_BYTES = 256 * 1024
_MAX_DEPTH = 30
_MAX_WORD = 200
_MAX_WORDS = 200
_MAX_SUMMARY = 300
_HEAD = re.compile(
    r"\A\s*---[ \t]*\r?\n(?P<head>.*?)(?:\r?\n)?^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)

_DATASET_WORDS = (
    *("task_categories", "task_ids", "size_categories", "modality", "format", "multilinguality"),
    *("language_creators", "annotations_creators", "source_datasets", "benchmark"),
)
_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/([0-9]{4}\.[0-9]{4,5})")


class _CardLoader(yaml.CSafeLoader):
    """YAML as cards mean it: `no` is Norwegian, a date is text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # read by the base class
        first: [
            (tag, pattern) for tag, pattern in rules if not tag.endswith((":timestamp", ":bool"))
        ]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_CardLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


class _Refused(ValueError):  # noqa: N818  # never leaves this module
    """YAML that is valid and not wanted."""


@dataclass(frozen=True)
class Metric:
    """One number that a card claims, with where it was measured."""

    model: str
    task: str
    dataset: str
    metric: str
    name: str
    value: str


@dataclass(frozen=True)
class Card:
    """What a README says; `problems` lists what in it could not be used."""

    metadata: dict[str, Any] = field(default_factory=dict)
    body: str = ""
    task: str = ""
    library: str = ""
    license: str = ""
    languages: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    summary: str = ""
    metrics: tuple[Metric, ...] = ()
    problems: tuple[Detail, ...] = ()
    warnings: tuple[str, ...] = ()


def split_card(text: str) -> tuple[str, str]:
    """Return the YAML head (empty if there is none) and the Markdown body."""
    found = _HEAD.match(text)
    return (found["head"], text[found.end() :]) if found else ("", text)


def parse_card(text: str, *, is_dataset: bool = False) -> Card:
    """Return what `text` says; never raises."""
    head, body = split_card(text.removeprefix("\ufeff"))
    metadata, problem = _load(head)
    if problem is not None:
        return Card(body=body, summary=_summary(body), problems=(problem,))
    task = _word(metadata.get("pipeline_tag"))
    library = _word(metadata.get("library_name"))
    licenses = _words(metadata.get("license"))
    languages = _words(metadata.get("language"))
    base_models = _words(metadata.get("base_model"))
    datasets = _words(metadata.get("datasets"))
    tags = [task, library, *_words(metadata.get("tags"))]
    tags += [f"license:{name}" for name in licenses]
    tags += _base_model_tags(metadata, base_models)
    if is_dataset:
        tags += [f"language:{name}" for name in languages]
        for key in _DATASET_WORDS:
            tags += [f"{key}:{word}" for word in _words(metadata.get(key))]
        task = task or next(iter(_words(metadata.get("task_categories"))), "")
    else:
        tags += [*languages, *(f"dataset:{name}" for name in datasets)]
    tags += [f"arxiv:{number}" for number in dict.fromkeys(_ARXIV.findall(body[:200_000]))]
    return Card(
        metadata=metadata,
        body=body,
        task=task,
        library=library,
        license=next(iter(licenses), ""),
        languages=tuple(languages),
        base_models=tuple(base_models),
        datasets=tuple(datasets),
        tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
        summary=_summary(body),
        metrics=tuple(_metrics(metadata.get("model-index"))),
        problems=tuple(errors_in(metadata)),
        warnings=tuple(warnings_in(metadata)),
    )


def _base_model_tags(metadata: dict[str, Any], base_models: list[str]) -> list[str]:
    """Return a tag for each base, and one that says how this model was made from it."""
    relation = _word(metadata.get("base_model_relation"))
    if relation not in RELATIONS:
        is_adapter = _word(metadata.get("library_name")) == "peft"
        relation = "merge" if len(base_models) > 1 else "adapter" if is_adapter else "finetune"
    plain = [f"base_model:{name}" for name in base_models]
    return plain + [f"base_model:{relation}:{name}" for name in base_models]


def _load(head: str) -> tuple[dict[str, Any], Detail | None]:
    if not head.strip():
        return {}, None
    if len(head.encode()) > MAX_HEAD_BYTES:
        return {}, Detail("README.md", "The YAML head is longer than 256 KiB.", "Shorten it.")
    try:
        _refuse_bombs(head)
        loaded = yaml.load(head, Loader=_CardLoader)  # noqa: S506  # a SafeLoader without surprises
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark is not None else 1  # the head starts after `---`
        reason = getattr(error, "problem", None) or "it cannot be read"
        return {}, Detail(f"README.md:{line}", f"The YAML head is not valid: {reason}.")
    except (ValueError, RecursionError) as error:
        return {}, Detail("README.md", f"The YAML head is not valid: {error}.")
    if isinstance(loaded, dict):
        return {str(key): _plain(value) for key, value in loaded.items()}, None
    problem = Detail("README.md", "The YAML head must be a list of `key: value` lines.")
    return {}, None if loaded is None else problem


def _plain(value: Any) -> Any:
    """Return a value that JSON and PostgreSQL can hold: no NaN, no NUL, no odd keys."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else str(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124  # NaN
    return str(value).replace("\0", "")


def _refuse_bombs(head: str) -> None:
    depth = 0
    for event in yaml.parse(head, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _Refused("references (*name) are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _Refused("it is nested too deeply")


def _word(value: Any) -> str:
    return str(value).strip()[:_MAX_WORD] if isinstance(value, str | int | float) else ""


def _words(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [word for item in values[:_MAX_WORDS] if (word := _word(item))]


def stated(metadata: dict[str, Any]) -> tuple[list[Metric], list[str]]:
    """Return the metrics and the data sets that a card's head names, read before."""
    return list(_metrics(metadata.get("model-index"))), _words(metadata.get("datasets"))


def _metrics(index: Any) -> Iterator[Metric]:
    """Return the metrics of a `model-index`; what in it is malformed is left out."""
    for model in index[:20] if isinstance(index, list) else []:
        results = model.get("results") if isinstance(model, dict) else None
        for result in results[:500] if isinstance(results, list) else []:
            yield from _result_metrics(_word(model.get("name")), result)


def _result_metrics(model: str, result: Any) -> Iterator[Metric]:
    if not isinstance(result, dict):
        return
    task, dataset = result.get("task"), result.get("dataset")
    rows = result.get("metrics")
    if not (isinstance(task, dict) and isinstance(dataset, dict) and isinstance(rows, list)):
        return
    for row in rows[:100]:
        if isinstance(row, dict) and _word(row.get("type")):
            yield Metric(
                model=model,
                task=_word(task.get("type")),
                dataset=_word(dataset.get("name")) or _word(dataset.get("type")),
                metric=_word(row["type"]),
                name=_word(row.get("name")) or _word(row["type"]),
                value=_word(row.get("value")),
            )


def _summary(body: str) -> str:
    """Return the first paragraph as plain words, for lists."""
    text = re.sub(r"<!--.*?-->|```.*?```|<[^>]+>", " ", body[:20_000], flags=re.DOTALL)
    for block in re.split(r"\n\s*\n", text):
        lines = [
            line for line in block.splitlines() if not re.match(r"\s*(#|\||[-=*_]{3,}\s*$)", line)
        ]
        words = re.sub(r"!\[[^\]]*\]\([^)]*\)", " ", " ".join(lines))
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words)
        # An underscore within a word is part of a name, not of an emphasis.
        words = " ".join(re.sub(r"[*`>]+|(?<!\w)_+|_+(?!\w)", "", words).split())
        if words:
            return words if len(words) <= _MAX_SUMMARY else words[: _MAX_SUMMARY - 1] + "…"
    return ""
