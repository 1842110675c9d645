"""What the head of a card may say: the same rules for clients, pages and pushes.

Errors make a card unacceptable where it is written; a card that is there already is still shown.
The sentences begin as clients expect them; `where` is the path of the key.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.core.errors import Detail

_LICENSES = """
afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m
bigscience-bloom-rail-1.0 bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear
bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0
cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0
creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2
fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community h-research
intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openmdw-1.0 openrail openrail++ osl-3.0 other
pddl postgresql unknown unlicense wtfpl zlib
"""
LICENSES = frozenset(_LICENSES.split())
# How a model may have been made from another one.
RELATIONS = ("adapter", "merge", "quantized", "finetune")

_LANGUAGE = re.compile(r"[a-z]{2,3}|code|multilingual|other")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_MAX_NAMED = 5
_TEXTS = ("pipeline_tag", "library_name", "license_name", "license_link", "pretty_name")
_TEXT_LISTS = ("tags", "metrics", "task_categories", "task_ids", "size_categories", "modality")


def errors_in(metadata: Mapping[str, Any]) -> list[Detail]:
    """Return what in the head of a card is not acceptable, by key."""
    checks = (_licenses, _languages, _repositories, _texts, _text_lists, _relation, _results)
    return [problem for check in checks for problem in check(metadata)]


def warnings_in(metadata: Mapping[str, Any]) -> list[str]:
    """Return what a reader will miss."""
    if not metadata:
        return ["empty or missing yaml metadata in repo card"]
    found = []
    if not metadata.get("license"):
        found.append('"license" is missing: nobody knows what they may do with this.')
    elif "other" in _list(metadata["license"]) and not metadata.get("license_name"):
        found.append('"license_name" is missing: `license: other` needs a name, and a link.')
    return found


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _problem(key: str, message: str, fix: str = "") -> Detail:
    return Detail(f"README.md: {key}", message, fix)


def _licenses(metadata: Mapping[str, Any]) -> Iterator[Detail]:
    for value in _list(metadata.get("license")):
        if not isinstance(value, str) or value not in LICENSES:
            yield _problem(
                "license",
                f'"license" must be one of the known identifiers; {str(value)[:80]!r} is not.',
                "Write an SPDX-like name such as apache-2.0 or mit, or `other` with license_name.",
            )


def _languages(metadata: Mapping[str, Any]) -> Iterator[Detail]:
    for number, value in enumerate(_list(metadata.get("language"))):
        if not isinstance(value, str) or _LANGUAGE.fullmatch(value) is None:
            key = f"language[{number}]" if isinstance(metadata["language"], list) else "language"
            yield _problem(
                key,
                f'"{key}" with value {str(value)[:80]!r} is not valid. It must be an ISO 639-1, '
                "639-2 or 639-3 code of two or three lower-case letters, or `multilingual`.",
                "Write en or zh; finer names such as zh-CN belong into language_bcp47.",
            )


def _repositories(metadata: Mapping[str, Any]) -> Iterator[Detail]:
    for key, word in (("base_model", "model"), ("datasets", "data set"), ("new_version", "model")):
        for value in _list(metadata.get(key)):
            if not isinstance(value, str) or _REPOSITORY.fullmatch(value) is None:
                yield _problem(
                    key,
                    f'"{key}" with value {str(value)[:80]!r} is not valid. Use the id of a {word}.',
                    "Write it as owner/name.",
                )


def _texts(metadata: Mapping[str, Any]) -> Iterator[Detail]:
    for key in _TEXTS:
        if metadata.get(key) is not None and not isinstance(metadata[key], str):
            yield _problem(key, f'"{key}" must be a string')


def _text_lists(metadata: Mapping[str, Any]) -> Iterator[Detail]:
    for key in _TEXT_LISTS:
        value = metadata.get(key)
        if value is None or isinstance(value, str):
            continue
        if not isinstance(value, list):
            yield _problem(key, f'"{key}" must be an array')
            continue
        wrong = [n for n, item in enumerate(value) if not isinstance(item, str)]
        for number in wrong[:_MAX_NAMED]:
            yield _problem(key, f'"{key}[{number}]" must be a string')


def _relation(metadata: Mapping[str, Any]) -> Iterator[Detail]:
    value = metadata.get("base_model_relation")
    if value is not None and value not in RELATIONS:
        known = ", ".join(RELATIONS)
        yield _problem("base_model_relation", f'"base_model_relation" must be one of [{known}]')


def _results(metadata: Mapping[str, Any]) -> Iterator[Detail]:
    index = metadata.get("model-index")
    if index is None:
        return
    if not isinstance(index, list):
        yield _problem("model-index", '"model-index" must be an array')
        return
    for number, model in enumerate(index[:20]):
        key = f"model-index[{number}]"
        if not isinstance(model, dict) or not isinstance(model.get("name"), str):
            yield _problem(key, f'"{key}.name" is required')
        elif not isinstance(model.get("results"), list):
            yield _problem(key, f'"{key}.results" is required')
        else:
            for at, result in enumerate(model["results"][:500]):
                yield from _result(f"{key}.results[{at}]", result)


def _result(key: str, result: Any) -> Iterator[Detail]:
    if not isinstance(result, dict):
        yield _problem(key, f'"{key}" must be an object')
        return
    for name, fields in (("task", ("type",)), ("dataset", ("type", "name"))):
        part = result.get(name)
        for field in fields:
            if not isinstance(part, dict) or not isinstance(part.get(field), str):
                yield _problem(key, f'"{key}.{name}.{field}" is required')
    metrics = result.get("metrics")
    if not isinstance(metrics, list) or not metrics:
        yield _problem(key, f'"{key}.metrics" is required')
        return
    for number, metric in enumerate(metrics[:100]):
        given = metric if isinstance(metric, dict) else {}
        if not isinstance(given.get("type"), str):
            yield _problem(key, f'"{key}.metrics[{number}].type" is required')
        if given.get("value") is None:
            yield _problem(key, f'"{key}.metrics[{number}].value" is required')
