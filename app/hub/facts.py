"""What the files of a model say of it besides its card: its configuration and its weights."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_JSON_BYTES = 1 << 20
# Files that are read, in this order; what comes first decides which library a model is for.
CONFIGS = (
    "config.json",
    "tokenizer_config.json",
    "model_index.json",
    "adapter_config.json",
    "modules.json",
)
_KEPT = ("architectures", "model_type", "auto_map", "quantization_config", "task_specific_params")
_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token", "mask_token", "cls_token")
_SUFFIX_TAGS = {
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".onnx": "onnx",
    ".h5": "tf",
    ".msgpack": "jax",
    ".tflite": "tflite",
    ".mlmodel": "coreml",
}
_AUTO_MODELS = (
    ("ForCausalLM", "AutoModelForCausalLM", "text-generation"),
    ("LMHeadModel", "AutoModelForCausalLM", "text-generation"),
    ("ForSequenceClassification", "AutoModelForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "AutoModelForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "AutoModelForQuestionAnswering", "question-answering"),
    ("ForMaskedLM", "AutoModelForMaskedLM", "fill-mask"),
    ("ForImageClassification", "AutoModelForImageClassification", "image-classification"),
    ("ForObjectDetection", "AutoModelForObjectDetection", "object-detection"),
    ("ForSemanticSegmentation", "AutoModelForSemanticSegmentation", "image-segmentation"),
    ("ForAudioClassification", "AutoModelForAudioClassification", "audio-classification"),
    ("ForSpeechSeq2Seq", "AutoModelForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("ForCTC", "AutoModelForCTC", "automatic-speech-recognition"),
    ("ForConditionalGeneration", "AutoModelForSeq2SeqLM", ""),
    ("Model", "AutoModel", "feature-extraction"),
)


@dataclass(frozen=True)
class Facts:
    """`config` is what is kept of the configuration, `weights` counts numbers by their type."""

    config: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, Any] = field(default_factory=dict)
    library: str = ""
    task: str = ""
    tags: tuple[str, ...] = ()

    @property
    def num_parameters(self) -> int | None:
        """How many numbers the weights hold, where that is known."""
        total = self.weights.get("total")
        return total if isinstance(total, int) else None


def facts_of(
    configs: Mapping[str, bytes], paths: Collection[str], weights: dict[str, Any]
) -> Facts:
    """Return what these files say; a file that cannot be read says nothing."""
    found = {name: _object(raw) for name, raw in configs.items()}
    config, tokenizer = found.get("config.json", {}), found.get("tokenizer_config.json", {})
    kept = {key: config[key] for key in _KEPT if key in config}
    tokens = {key: tokenizer[key] for key in _TOKENS if key in tokenizer}
    if tokens:
        kept["tokenizer_config"] = tokens
    if "_class_name" in found.get("model_index.json", {}):
        kept["diffusers"] = {"_class_name": found["model_index.json"]["_class_name"]}
    summary: dict[str, Any] = {"config": kept}
    if mask := _token(tokens.get("mask_token")):
        summary["mask_token"] = mask
    library = _library(found, configs)
    info = _transformers_info(config, tokenizer, found) if library == "transformers" else None
    if info:
        summary["transformers_info"] = info
    tags = [tag for end, tag in _SUFFIX_TAGS.items() if any(p.endswith(end) for p in paths)]
    if any(path.rsplit("/", 1)[-1] in {"pytorch_model.bin", "model.pt"} for path in paths):
        tags.append("pytorch")
    if isinstance(config.get("model_type"), str):
        tags.append(config["model_type"][:100])
    return Facts(summary, weights, library, (info or {}).get("pipeline_tag", ""), tuple(tags))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    # PostgreSQL keeps no NUL in JSON.
    return value if isinstance(value, dict) and b"\\u0000" not in raw else {}


def _token(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""


def _library(found: Mapping[str, dict[str, Any]], configs: Collection[str]) -> str:
    config = found.get("config.json", {})
    if "model_index.json" in configs:
        return "diffusers"
    if "adapter_config.json" in configs:
        return "peft"
    if "modules.json" in configs:
        return "sentence-transformers"
    if "pretrained_cfg" in config:
        return "timm"
    return "transformers" if "model_type" in config or "transformers_version" in config else ""


def _transformers_info(
    config: dict[str, Any], tokenizer: dict[str, Any], found: Mapping[str, dict[str, Any]]
) -> dict[str, str] | None:
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    for ending, auto_model, task in _AUTO_MODELS:
        if name.endswith(ending):
            info = {"auto_model": auto_model}
            if task:
                info["pipeline_tag"] = task
            if tokenizer or "tokenizer_config.json" in found:
                info["processor"] = "AutoTokenizer"
            elif "image" in task or "object" in task:
                info["processor"] = "AutoImageProcessor"
            return info
    return None
