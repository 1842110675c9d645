"""The files beside Whisper's weights: how recordings become pictures, how texts are written."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue, ValidationError, validate_call

from worker.contract.failures import FailureCode, RunError
from worker.modeling.whisper import WritingRules

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_LANGUAGE_LETTERS = (2, 3)
_POSITIONS = 448
# A Chinese character may be three tokens; few say six of them in a second.
_TOKENS_PER_SECOND, _SPARE_TOKENS = 18, 8


@validate_call
def _values(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return value


def numbers_in(base: Path | None, name: str) -> dict[str, JsonValue]:
    """Return the values of a JSON file beside the base's weights; nothing where there is none.

    Raises:
        RunError: it cannot be read.
    """
    path = base / name if base is not None else None
    if path is None or not path.is_file():
        return {}
    try:
        return _values(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        reason = f"{name} of the base cannot be read."
        raise RunError(FailureCode.BASE_INVALID, reason) from error


def rules_of(
    base: Path | None, config: Mapping[str, JsonValue], end: int, seconds: int
) -> WritingRules:
    """Return what a Whisper never writes, and how much at most.

    Args:
        base: its folder, whose generation_config.json goes before its config.json.
        config: its config.json.
        end: the token that ends a text.
        seconds: what it hears at a time.
    """
    known = [numbers_in(base, "generation_config.json"), config]
    positions = config.get("max_target_positions")
    places = positions if isinstance(positions, int) else _POSITIONS
    return WritingRules(
        end=end,
        # Whisper writes no more than half of its places; and where it begins to repeat itself,
        # no more than anybody can say in the time.
        most=min(places // 2, seconds * _TOKENS_PER_SECOND + _SPARE_TOKENS),
        never=_tokens(known, "suppress_tokens"),
        not_first=_tokens(known, "begin_suppress_tokens"),
    )


def _tokens(known: Sequence[Mapping[str, JsonValue]], name: str) -> list[int]:
    """Return the tokens of a list in the first place that has it."""
    for values in known:
        found = values.get(name)
        if isinstance(found, list):
            return [number for number in found if isinstance(number, int)]
    return []


def preprocessor_values(extractor: Any) -> dict[str, JsonValue]:
    """Return what preprocessor_config.json says: the numbers that the pictures were made with."""
    names = ("feature_size", "sampling_rate", "hop_length", "chunk_length", "n_fft")
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        **{name: int(getattr(extractor, name)) for name in names},
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
    }


def generation_values(
    own: Mapping[str, JsonValue],
    tokenizer: "PreTrainedTokenizerBase",
    rules: WritingRules,
    language: str | None,
) -> dict[str, JsonValue]:
    """Return what generation_config.json says, so that plain transformers writes the same.

    Args:
        own: what the base says already.
        tokenizer: that of the base.
        rules: what was written by in measuring.
        language: the one that was learned; None for a base that knows only one.
    """
    known = tokenizer.get_vocab()
    values: dict[str, JsonValue] = {
        **own,
        "bos_token_id": rules.end,
        "eos_token_id": rules.end,
        "pad_token_id": rules.end,
        "decoder_start_token_id": known["<|startoftranscript|>"],
        "no_timestamps_token_id": known["<|notimestamps|>"],
        "return_timestamps": False,
        "max_new_tokens": rules.most,
        "suppress_tokens": list(rules.never) or None,
        "begin_suppress_tokens": list(rules.not_first) or None,
        "is_multilingual": language is not None,
        "forced_decoder_ids": None,
    }
    values.pop("max_length", None)
    if language is not None:
        values |= {
            "language": f"<|{language}|>",
            "task": "transcribe",
            "lang_to_id": {name: known[name] for name in sorted(known) if _is_language(name)},
            "task_to_id": {"transcribe": known["<|transcribe|>"]},
        }
    return {name: value for name, value in values.items() if value is not None}


def _is_language(name: str) -> bool:
    inner = name.removeprefix("<|").removesuffix("|>")
    is_short = len(inner) in _LANGUAGE_LETTERS and inner.isalpha() and inner.islower()
    return is_short and name == f"<|{inner}|>"
