import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.worker.builders import Run, Values, stage
from tests.worker.language import (
    BAD,
    GOOD,
    log_lines,
    run_text,
    text_recipe,
    write_decoder,
    write_encoder,
)
from worker.contract.recipe_text import RecipeError, recipe_from_values

FAST: Values = {"name": "adam", "lr": 0.02}
COLORS = ("red", "blue", "green", "grey")


def _write(folder: Path) -> None:
    folder.mkdir()
    for split, first, count in (("train", 0, 24), ("test", 24, 6)):
        rows = [
            {"instruction": f"say {COLORS[n % 4]} {n}", "output": COLORS[n % 4]}
            for n in range(first, first + count)
        ]
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny Llama and orders to obey."""
    folder = tmp_path_factory.mktemp("chats")
    write_decoder(folder / "base")
    _write(folder / "data")
    return folder


@pytest.fixture(scope="module")
def done(place: Path) -> Run:
    """Return a run that learned to obey."""
    return run_text(place, text_recipe("text-generation", stage(epochs=10, optimizer=FAST)))


def test_a_language_model_learns_to_answer(done: Run) -> None:
    measured = done.result.headline
    assert measured.metric == "perplexity"
    assert measured.value == pytest.approx(math.exp(measured.loss))
    assert measured.value < 3
    assert measured.samples[0]["prompt"] == "say red 24"
    assert measured.samples[0]["true"] == "red"
    assert isinstance(measured.samples[0]["found"], str)


def test_plain_transformers_writes_the_same(done: Run) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = done.out / "out/result"
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    model.train(mode=False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    asked = [{"role": "user", "content": "say red 24"}]
    text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert text == "user: say red 24\nassistant: "
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        written = model.generate(ids, max_new_tokens=64, do_sample=False)
    said = str(tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True)).strip()
    assert said == done.result.headline.samples[0]["found"]


def test_only_what_the_assistant_says_is_learned(place: Path) -> None:
    from worker.data.chats import encode_chat, with_template
    from worker.data.texts import load_tokenizer

    tokenizer = load_tokenizer(place / "base")
    assert with_template(tokenizer)
    chat = encode_chat(
        tokenizer,
        [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
            {"role": "assistant", "content": "four"},
        ],
        200,
    )
    learned = [
        int(token) for token, target in zip(chat.tokens, chat.targets, strict=True) if target >= 0
    ]
    assert tokenizer.decode(learned) == "two</s>four</s>"


def test_packed_conversations_do_not_see_each_other(place: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from worker.data.chats import ChatSplit, encode_chat, joined, packed_rows, with_template
    from worker.data.texts import load_tokenizer
    from worker.evaluation.guesses import guess_loss

    tokenizer = load_tokenizer(place / "base")
    with_template(tokenizer)
    model = AutoModelForCausalLM.from_pretrained(place / "base")
    model.train(mode=False)
    chats = [
        encode_chat(
            tokenizer,
            [{"role": "user", "content": "x" * n}, {"role": "assistant", "content": "yz" * n}],
            200,
        )
        for n in (3, 5, 2, 9)
    ]
    losses = []
    for rows in (packed_rows(chats, 90), [[chat] for chat in chats]):
        is_packed = len(rows) < len(chats)
        device = torch.device("cpu")
        names = [str(number) for number in range(len(rows))]
        split = ChatSplit(joined(rows), names, 0, device, rows, [], is_packed)
        batch = split.take(torch.arange(len(rows)), train=True)
        with torch.inference_mode():
            losses.append(
                float(guess_loss(model(**batch.inputs, use_cache=False).logits, batch.targets, 0.0))
            )
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_packing_is_told(place: Path) -> None:
    values = text_recipe("text-generation", data={"packing": True, "max_length": 128})
    lines = log_lines(run_text(place, values, out="packed"))
    assert any("18 conversations are packed into" in line for line in lines)


def test_packing_means_nothing_elsewhere() -> None:
    with pytest.raises(RecipeError, match=r"data\.packing has no effect"):
        recipe_from_values(text_recipe("fill-mask", data={"packing": True}))


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose base has gone on reading reviews."""
    folder = tmp_path_factory.mktemp("masks")
    write_encoder(folder / "plain", [*GOOD, *BAD])
    (folder / "data").mkdir()
    for split, texts in (("train", GOOD[:5] + BAD[:5]), ("test", (GOOD[5], BAD[5]))):
        table = "".join(f"{text}\n" for text in texts)
        (folder / f"data/{split}.csv").write_text(f"text\n{table}", encoding="utf-8")
    values = text_recipe(
        "fill-mask", stage(epochs=15, optimizer=FAST), model={"base": {"repo": "plain"}}
    )
    run = run_text(folder, values, out="reading")
    (folder / "base").symlink_to(run.out / "out/result")
    (folder / "first.json").write_text(json.dumps(run.losses()), encoding="utf-8")
    return folder


def test_an_encoder_learns_to_fill_masks(read: Path) -> None:
    from transformers import AutoModelForMaskedLM

    losses = json.loads((read / "first.json").read_text(encoding="utf-8"))
    assert losses[-1] < losses[0] * 0.9
    model, info = AutoModelForMaskedLM.from_pretrained(read / "base", output_loading_info=True)
    assert not info["missing_keys"]
    assert model.config.model_type == "bert"


def test_what_is_hidden_for_measuring_never_changes(read: Path) -> None:
    import torch

    from worker.data.masking import MaskedSplit
    from worker.data.texts import encode, load_tokenizer

    tokenizer = load_tokenizer(read / "base")
    encoded = encode(tokenizer, [*GOOD, *BAD], 32)
    split = MaskedSplit(
        encoded, [*GOOD, *BAD], 0, torch.device("cpu"), 0.15, 4, 60, torch.tensor([0, 2, 3, 4])
    )
    whole = split.take(torch.arange(12), train=False)
    alone = split.take(torch.tensor([7]), train=False)
    length = len(encoded.tokens[7])
    assert torch.equal(whole.inputs["input_ids"][7, :length], alone.inputs["input_ids"][0])
    assert bool((whole.targets >= 0).any(dim=1).all())
    torch.manual_seed(0)
    first, second = (split.take(torch.arange(12), train=True).targets for _ in range(2))
    assert not torch.equal(first, second)


def test_the_result_of_reading_is_a_base_for_classes(read: Path, tmp_path: Path) -> None:
    (tmp_path / "base").symlink_to((read / "base").resolve())
    (tmp_path / "data").mkdir()
    rows = [*((text, "good") for text in GOOD), *((text, "bad") for text in BAD)]
    table = "".join(f"{text},{label}\n" for text, label in rows)
    (tmp_path / "data/train.csv").write_text(f"text,label\n{table}", encoding="utf-8")
    run = run_text(tmp_path, text_recipe("text-classification"))
    assert run.result.classes == ("bad", "good")
