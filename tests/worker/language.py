"""Tiny language models with random weights, and small sets of texts, for the engine's tests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tests.worker.builders import Run, Values, stage
from worker.alone import Search, prepare
from worker.contract.presets import merged
from worker.contract.recipe_text import recipe_from_values
from worker.contract.run_events import LogWritten, RunEvent
from worker.engine import run_plan
from worker.training.reporting import Forever

GOOD = (
    "a fine film with warm and clever acting",
    "what a lovely story i laughed and cried",
    "great music great actors simply wonderful",
    "the best evening at the cinema in years",
    "warm funny and clever a lovely film",
    "wonderful actors and a clever story",
)
BAD = (
    "a dull film with cold and lazy acting",
    "what an awful story i slept and left",
    "bad music bad actors simply terrible",
    "the worst evening at the cinema in years",
    "cold boring and lazy an awful film",
    "terrible actors and a lazy story",
)
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def write_encoder(folder: Path, texts: Sequence[str], *, layers: int = 2) -> Path:
    """Write a BERT of 16 numbers a token, with a vocabulary of words and single letters."""
    import torch
    import transformers
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = sorted({word for text in texts for word in text.lower().split()})
    letters = sorted({letter for word in words for letter in word})
    pieces = [*_SPECIAL, *dict.fromkeys([*words, *letters]), *(f"##{one}" for one in letters)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    settings: dict[str, Any] = dict(zip(names, _SPECIAL, strict=True))
    settings |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64}
    _write(folder / "tokenizer_config.json", settings)
    torch.manual_seed(5)
    config = transformers.BertConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        initializer_range=0.2,
    )
    network = transformers.BertModel(config)
    save_file(network.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    _write(folder / "config.json", config.to_dict())
    return folder


def write_decoder(folder: Path) -> Path:
    """Write a Llama of 16 numbers a token that reads bytes, with tied embeddings."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: number for number, piece in enumerate(["<pad>", "</s>", *letters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<pad>", "</s>"])
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}
    _write(folder / "tokenizer_config.json", {**settings, "pad_token": "<pad>"})
    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=32,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.2,
        bos_token_id=1,
        eos_token_id=1,
        pad_token_id=0,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def write_reviews(folder: Path) -> Path:
    """Write short reviews of two classes, as a table with a train and a test split."""
    rows = [(text, "good") for text in GOOD] + [(text, "bad") for text in BAD]
    folder.mkdir(parents=True)
    lines = {"train": rows[:4] + rows[6:10], "test": rows[4:6] + rows[10:]}
    for split, part in lines.items():
        table = "".join(f"{text},{label}\n" for text, label in part)
        (folder / f"{split}.csv").write_text(f"text,label\n{table}", encoding="utf-8")
    return folder


def text_recipe(task: str, *stages: Values, **over: JsonValue) -> Values:
    """Return the values of a recipe for `base` and `data`."""
    fast: Values = {"name": "adam", "lr": 0.01}
    base: Values = {
        "recipe": 1,
        "name": "tiny",
        "task": task,
        "model": {"base": {"repo": "base"}},
        "data": {"train": {"repo": "data"}, "validation": {"fraction": 0.25}},
        "train": {"batch_size": 4, "stages": list(stages or (stage(optimizer=fast),))},
        "evaluate": {"baseline": False},
        "reproducibility": {"seed": 3},
        "resources": {"device": "cpu"},
    }
    return merged(base, over)


def run_text(folder: Path, values: Values, *, out: str = "run") -> Run:
    """Run a recipe on `folder/base` and `folder/data` into `folder/out`."""
    recipe = recipe_from_values(values)
    examination, places = prepare(recipe, Search((folder,)), None, folder / out)
    plan = examination.plan
    events: list[RunEvent] = []
    assert plan is not None, [finding.sentence for finding in examination.errors]
    result = run_plan(plan, places, events.append, Forever())
    return Run(plan, result, folder / out, events)


def log_lines(run: Run) -> list[str]:
    """Return what a run said to people."""
    return [line for event in run.events if isinstance(event, LogWritten) for line in event.lines]


def _write(path: Path, values: Values) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")
