"""What a data set's README says of itself: `configs` name its files and their splits."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import yaml
from pydantic import JsonValue

from worker.contract.findings import Finding, found
from worker.contract.items import Layout, canonical_split
from worker.contract.sources import FileSource
from worker.contract.tables import SUFFIXES

_MAX_README = 1024 * 1024


@dataclass
class Config:
    """The chosen configuration: the split of each table it names, and files that are missing."""

    name: str = ""
    splits: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def hides(self, path: str) -> bool:
        """Whether a table belongs to another configuration, or to none."""
        return bool(self.splits) and path.lower().endswith(SUFFIXES) and path not in self.splits

    def apply(self, layout: Layout) -> None:
        """Give the items the splits that the README names, and say so."""
        if not self.name:
            return
        layout.items = [
            replace(item, split=self.splits[item.path]) if item.path in self.splits else item
            for item in layout.items
        ]
        layout.notes["config"] = self.name
        if self.others:
            layout.notes["other_configs"] = ", ".join(self.others)
        layout.findings += self.findings()

    def findings(self) -> list[Finding]:
        """Return what is wrong with the configuration."""
        if not self.missing:
            return []
        return [found("CONFIG_MISSING", self.missing, names=", ".join(self.missing))]


def read_config(source: FileSource, paths: Sequence[str]) -> Config:
    """Return the default configuration of `README.md`, or an empty one where it names none."""
    if "README.md" not in paths or source.size("README.md") > _MAX_README:
        return Config()
    configs = _configs(source.read("README.md").decode("utf-8", "replace"))
    if not configs:
        return Config()
    chosen = next((c for c in configs if c.get("default") is True), configs[0])
    config = Config(_text(chosen.get("config_name")) or "default")
    config.others = [_text(c.get("config_name")) for c in configs if c is not chosen]
    folder = _text(chosen.get("data_dir")).strip("/")
    for split, pattern in _patterns(chosen.get("data_files")):
        wanted = f"{folder}/{pattern}" if folder else pattern
        matching = [path for path in paths if fnmatch.fnmatchcase(path, wanted)]
        config.splits.update(dict.fromkeys(matching, canonical_split(split)))
        if not matching:
            config.missing.append(wanted)
    return config


def _configs(text: str) -> list[dict[str, JsonValue]]:
    if not text.startswith("---"):
        return []
    try:
        head = cast("JsonValue", yaml.safe_load(text[3:].partition("\n---")[0]))
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    configs = head.get("configs") if isinstance(head, dict) else None
    return [part for part in configs if isinstance(part, dict)] if isinstance(configs, list) else []


def _text(value: JsonValue) -> str:
    """Return a text; anything else is none, for YAML's aliases may make it endless."""
    return value if isinstance(value, str) else ""


def _patterns(data_files: JsonValue) -> list[tuple[str, str]]:
    """Return (split, pattern) of `data_files`: a pattern, a list, or objects with both."""
    if isinstance(data_files, str):
        return [("train", data_files.removeprefix("./"))]
    if isinstance(data_files, dict):
        return [pair for split, part in data_files.items() for pair in _of_split(split, part)]
    pairs: list[tuple[str, str]] = []
    for part in data_files if isinstance(data_files, list) else []:
        if isinstance(part, dict):
            pairs += _of_split(_text(part.get("split")) or "train", part.get("path"))
        elif isinstance(part, str):
            pairs += _of_split("train", part)
    return pairs


def _of_split(split: str, paths: JsonValue) -> list[tuple[str, str]]:
    listed = paths if isinstance(paths, list) else [paths]
    return [(split, path.removeprefix("./")) for path in listed if isinstance(path, str)]
