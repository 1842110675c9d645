"""The fields of the fine-tune form, read from the JSON Schema that checks recipes.

The schema decides what may be written; here stands only which of its fields the form offers and
what they are called.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypedDict

from app.core.i18n import _
from worker.contract.recipe import recipe_json_schema
from worker.contract.tasks import Modality

N_ = str  # marks a sentence for translation where it cannot be translated yet


class FieldSpec(TypedDict):
    """One field as the page's script builds it; a limit that does not exist is None.

    `modalities` are what a task must work on to use the field; none means every task does.
    """

    path: list[str]
    label: str
    help: str
    kind: str
    options: list[str]
    minimum: float | None
    maximum: float | None
    default: object
    modalities: list[str]


class _Offered(NamedTuple):
    path: str
    label: str
    modalities: tuple[Modality, ...] = ()


_GENERAL = (
    _Offered("train.batch_size", N_("Batch size")),
    _Offered("data.image_size", N_("Image size"), ("image",)),
    _Offered("data.max_length", N_("Longest text, tokens"), ("text",)),
    _Offered("augment.preset", N_("Augmentation"), ("image", "audio")),
    _Offered("train.label_smoothing", N_("Label smoothing"), ("image", "text", "audio")),
    _Offered("train.early_stopping.patience", N_("Stop early after")),
    _Offered("reproducibility.seed", N_("Seed")),
)
_STAGE = (
    _Offered("epochs", N_("Epochs")),
    _Offered("optimizer.lr", N_("Learning rate")),
    _Offered("optimizer.name", N_("Optimizer")),
    _Offered("optimizer.weight_decay", N_("Weight decay")),
    _Offered("scheduler.name", N_("Schedule")),
    _Offered("layer_decay", N_("Layer decay")),
)
_MACRO = (
    _Offered("groups", N_("Groups to open")),
    _Offered("epochs_per_stage", N_("Epochs each")),
    _Offered("final_epochs", N_("Epochs at the end")),
    _Offered("optimizer.lr", N_("Learning rate")),
    _Offered("optimizer.name", N_("Optimizer")),
    _Offered("scheduler.name", N_("Schedule")),
    _Offered("layer_decay", N_("Layer decay")),
)


def form_fields() -> dict[str, list[FieldSpec]]:
    """Return the fields of the whole recipe, of a stage and of the gradual macro, translated."""
    schema = _schema()
    definitions = schema["$defs"]
    return {
        "general": _specs(schema, _GENERAL),
        "stage": _specs(definitions["Stage"], _STAGE),
        "macro": _specs(definitions["GradualUnfreezing"], _MACRO),
    }


def offered_help() -> list[str]:
    """Return the English explanations of every offered field, for the catalogues."""
    schema = _schema()
    definitions = schema["$defs"]
    roots = [
        (schema, [*_GENERAL]),
        (definitions["Stage"], [*_STAGE]),
        (definitions["GradualUnfreezing"], [*_MACRO]),
    ]
    specs = [spec for root, offered in roots for spec in _specs(root, offered)]
    return sorted({spec["help"] for spec in specs if spec["help"]})


@lru_cache
def _schema() -> dict[str, Any]:
    return dict(recipe_json_schema())


def _specs(root: Mapping[str, Any], offered: Sequence[_Offered]) -> list[FieldSpec]:
    return [_spec(root, item) for item in offered]


def _spec(root: Mapping[str, Any], item: _Offered) -> FieldSpec:
    path = item.path.split(".")
    node: Mapping[str, Any] = root
    is_optional = False
    for part in path:
        is_optional = is_optional or {"type": "null"} in node.get("anyOf", [])
        node = _resolved(node)["properties"][part]
    plain = _resolved(node)
    description = node.get("description") or plain.get("description") or ""
    return {
        "path": path,
        "label": _(item.label),
        "help": _(description) if description else "",
        "kind": "choice" if "enum" in plain else str(plain.get("type", "string")),
        "options": [str(option) for option in plain.get("enum", [])],
        "minimum": _limit(plain, "minimum", "exclusiveMinimum"),
        "maximum": _limit(plain, "maximum", "exclusiveMaximum"),
        # Inside a block that may be left out, nothing holds while it is out.
        "default": None if is_optional else node.get("default"),
        "modalities": list(item.modalities),
    }


def _limit(node: Mapping[str, Any], *names: str) -> float | None:
    return next((float(node[name]) for name in names if name in node), None)


def _resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema a reference or an optional value stands for."""
    if "$ref" in node:
        target: Mapping[str, Any] = _schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        return _resolved(target)
    choices = [choice for choice in node.get("anyOf", []) if choice.get("type") != "null"]
    return _resolved(choices[0]) if choices else node
