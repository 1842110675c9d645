"""Which networks of transformers write down speech, and what a recipe may ask of them."""

import math
from collections.abc import Mapping

from pydantic import JsonValue

from worker.contract.bases import PinnedBase
from worker.contract.findings import Finding, found
from worker.contract.recipe import Recipe

WHISPER = "whisper"
_NOT_FOR_WHISPER = {"RATE_RAISED", "BATCH_TOO_SMALL_FOR_BATCH_NORM"}
_TASK = "automatic-speech-recognition"
_RATE = 16_000
_POSITIONS_PER_SECOND = 50
# Whisper's own numbers, where a config does not say them.
_POSITIONS = 1500
# One that knows English alone has a token less.
_TOKENS_OF_MANY = 51_865


def seconds_of(config: Mapping[str, JsonValue], asked: float | None) -> int:
    """Return the whole seconds that a Whisper hears at a time."""
    positions = config.get("max_source_positions")
    most = (positions if isinstance(positions, int) else _POSITIONS) // _POSITIONS_PER_SECOND
    return max(1, min(math.ceil(asked), most)) if asked else max(1, most)


def knows_many_languages(config: Mapping[str, JsonValue]) -> bool:
    """Return whether a Whisper must be told the language."""
    tokens = config.get("vocab_size")
    return (tokens if isinstance(tokens, int) else _TOKENS_OF_MANY) >= _TOKENS_OF_MANY


def check_speech_base(recipe: Recipe, base: PinnedBase) -> list[Finding]:
    """Return what stands between a recipe for speech and its base."""
    if recipe.task != _TASK:
        return []
    if base.library != "transformers":
        language = recipe.data.language
        return [found("LANGUAGE_IDLE", repo=base.repo)] if language else []
    if base.architecture != WHISPER:
        return [found("SPEECH_BASE_UNFIT", repo=base.repo, architecture=base.architecture)]
    return _about_whisper(recipe, base)


def _about_whisper(recipe: Recipe, base: PinnedBase) -> list[Finding]:
    findings, data = [], recipe.data
    if data.sample_rate not in {None, _RATE}:
        findings.append(found("RATE_FIXED", repo=base.repo, rate=_RATE))
    window = seconds_of(base.config, None)
    if data.max_seconds and data.max_seconds > window:
        findings.append(found("WINDOW_FIXED", repo=base.repo, seconds=window))
    many = knows_many_languages(base.config)
    if many and not data.language:
        findings.append(found("LANGUAGE_MISSING", repo=base.repo))
    if not many and data.language:
        findings.append(found("LANGUAGE_IDLE", repo=base.repo))
    return findings


def fitting_advice(base: PinnedBase, findings: list[Finding]) -> list[Finding]:
    """Return findings without the advice that a base cannot follow.

    Whisper hears at one rate only, and nothing in it counts a batch.
    """
    if base.architecture != WHISPER:
        return findings
    return [finding for finding in findings if finding.code not in _NOT_FOR_WHISPER]
