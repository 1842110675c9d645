from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from tests.worker.builders import Values
from tests.worker.language import (
    BAD,
    GOOD,
    log_lines,
    run_text,
    text_recipe,
    write_encoder,
    write_reviews,
)
from worker.modeling.dropout import draw_briefly, draw_plainly
from worker.modeling.packing import try_packing
from worker.modeling.sequences import Sequences
from worker.modeling.wanted import only_where
from worker.training.quickening import PACKED, PADDED

SMALL: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "initializer_range": 0.3,
}
BERT = {**SMALL, "attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0}
LLAMA = {**SMALL, "num_key_value_heads": 1, "bos_token_id": 1, "eos_token_id": 2}
DISTILBERT = {
    "vocab_size": 40,
    "dim": 16,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dim": 32,
    "max_position_embeddings": 64,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "seq_classif_dropout": 0.0,
    "initializer_range": 0.3,
}
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "bert-classes": ("bert", BERT, "AutoModelForSequenceClassification"),
    "bert-tags": ("bert", BERT, "AutoModelForTokenClassification"),
    "bert-answers": ("bert", BERT, "AutoModelForQuestionAnswering"),
    "bert-masks": ("bert", BERT, "AutoModelForMaskedLM"),
    "roberta-classes": ("roberta", BERT, "AutoModelForSequenceClassification"),
    "electra-classes": ("electra", BERT, "AutoModelForSequenceClassification"),
    "distilbert-classes": ("distilbert", DISTILBERT, "AutoModelForSequenceClassification"),
    "distilbert-masks": ("distilbert", DISTILBERT, "AutoModelForMaskedLM"),
    "llama-words": ("llama", LLAMA, "AutoModelForCausalLM"),
    "llama-classes": ("llama", LLAMA, "AutoModelForSequenceClassification"),
}


def build(name: str) -> nn.Module:
    """Return one of the networks above, with random weights."""
    family, settings, kind = CASES[name]
    torch.manual_seed(7)
    config = transformers.AutoConfig.for_model(family, **settings)
    module: nn.Module = getattr(transformers, kind).from_config(config)
    return module


def texts(*lengths: int) -> dict[str, Tensor]:
    """Return texts of random words, padded to the longest."""
    generator = torch.Generator().manual_seed(11)
    ids = torch.randint(3, 40, (len(lengths), max(lengths)), generator=generator)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return {"input_ids": ids.masked_fill(~mask, 0), "attention_mask": mask.long()}


def answers(module: nn.Module, inputs: dict[str, Tensor]) -> list[Tensor]:
    """Return what a network says, as far as there is a token behind it."""
    found = list(module(**inputs, **_without_memory(module)).values())
    real = inputs["attention_mask"].bool()
    return [part[real] if part.shape[:2] == real.shape else part for part in found]


def _without_memory(module: nn.Module) -> dict[str, bool]:
    return {"use_cache": False} if isinstance(module, transformers.LlamaPreTrainedModel) else {}


@contextmanager
def packed(module: nn.Module) -> Iterator[bool]:
    """Let a network read texts in one row; say whether the first token alone goes on."""
    some = texts(3, 9, 14)
    real = some["attention_mask"].bool()

    def forward() -> Any:
        return module(**some, **_without_memory(module))

    with torch.no_grad():
        packing = try_packing(module.eval(), forward, real)
    assert packing is not None
    try:
        yield packing.is_narrow
    finally:
        packing.remove()


@pytest.mark.parametrize("name", CASES)
def test_texts_in_one_row_give_the_same_answers_and_gradients(name: str) -> None:
    plain, quick = build(name).train(), build(name)
    inputs = texts(5, 17, 1, 11)
    with packed(quick) as is_narrow:
        quick.train()
        expected, found = answers(plain, inputs), answers(quick, inputs)
        assert is_narrow == (name in {"bert-classes", "roberta-classes", "electra-classes"})
        for one, other in zip(expected, found, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
        for parts in (expected, found):
            torch.stack([part.square().mean() for part in parts]).sum().backward()
    named = dict(quick.named_parameters())
    for key, weight in plain.named_parameters():
        expected_grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        other_grad = named[key].grad
        torch.testing.assert_close(
            expected_grad,
            torch.zeros_like(weight) if other_grad is None else other_grad,
            rtol=1e-4,
            atol=1e-5,
        )


@pytest.mark.parametrize("name", CASES)
def test_a_text_is_read_the_same_whatever_stands_beside_it(name: str) -> None:
    module = build(name)
    alone, beside = texts(6), texts(6, 15, 9)
    beside["input_ids"][0, :6] = alone["input_ids"][0]
    with packed(module), torch.no_grad():
        one, all_of_them = answers(module, alone), answers(module, beside)
    for part, other in zip(one, all_of_them, strict=True):
        torch.testing.assert_close(part, other[: len(part)], rtol=0, atol=1e-5)


def test_conversations_that_share_a_row_never_see_each_other() -> None:
    module = build("llama-words")
    first, second = texts(6)["input_ids"], texts(9)["input_ids"].flip(1)
    padding = torch.zeros(1, 4, dtype=torch.int64)
    inputs = {
        "input_ids": torch.cat([first, second, padding], dim=1),
        "position_ids": torch.cat([torch.arange(6), torch.arange(9), padding[0]])[None],
        "use_cache": False,
    }
    with packed(module), torch.no_grad():
        together = module(**inputs).logits[0, :15]
    with torch.no_grad():
        apart = [module(input_ids=ids, use_cache=False).logits[0] for ids in (first, second)]
    torch.testing.assert_close(together, torch.cat(apart), rtol=0, atol=1e-5)


def test_a_network_goes_on_writing_while_it_reads_texts_in_one_row() -> None:
    module: Any = build("llama-words")
    ids = texts(6)["input_ids"]
    settings = {"max_new_tokens": 5, "do_sample": False, "attention_mask": torch.ones_like(ids)}
    expected = module.generate(ids, **settings)
    with packed(module):
        assert torch.equal(module.generate(ids, **settings), expected)


def test_blocks_that_are_computed_twice_read_texts_in_one_row() -> None:
    from worker.training.recompute import keep_blocks, recompute_blocks

    plain, twice = build("bert-classes"), build("bert-classes")
    inputs = texts(5, 17, 2)
    with packed(twice):
        blocks = recompute_blocks(twice.train())
        answers(twice, inputs)[0].square().sum().backward()
        keep_blocks(blocks)
    answers(plain.train(), inputs)[0].square().sum().backward()
    weight = "bert.encoder.layer.1.attention.self.query.weight"
    torch.testing.assert_close(
        plain.get_parameter(weight).grad, twice.get_parameter(weight).grad, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("numbers", [torch.bfloat16, None])
def test_texts_in_one_row_are_computed_in_the_numbers_of_the_run(
    numbers: torch.dtype | None,
) -> None:
    module, seen = build("bert-classes"), []
    inputs = texts(5, 17)
    with packed(module):
        module.get_submodule("bert.encoder.layer.1.output.LayerNorm").register_forward_hook(
            lambda *values: seen.append(values[-1].dtype)
        )
        with torch.autocast("cpu", dtype=numbers, enabled=numbers is not None):
            answers(module, inputs)
    assert seen == [numbers or torch.float32]


def test_a_network_that_looks_beyond_its_text_is_left_alone() -> None:
    torch.manual_seed(7)
    config = transformers.AutoConfig.for_model(
        "mistral", **{**LLAMA, "sliding_window": 4, "head_dim": 8}
    )
    kind: Any = transformers.AutoModelForCausalLM
    module = kind.from_config(config)
    some = texts(3, 9)
    real = some["attention_mask"].bool()
    assert try_packing(module.eval(), lambda: module(**some, use_cache=False), real) is None


def test_rows_of_several_texts_are_told_apart_by_their_positions() -> None:
    rows = torch.tensor([[0, 1, 2, 0, 1, 0, 0], [0, 1, 2, 3, 4, 5, 6]])
    found = Sequences.of_positions(rows)
    assert found.lengths == [3, 2, 7]
    assert found.real.tolist() == [[True] * 5 + [False] * 2, [True] * 7]


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(share: float) -> None:
    layer = nn.Sequential(nn.Dropout(share)).train()
    changed = draw_briefly(layer)
    torch.manual_seed(1)
    found = layer(torch.ones(1000, 401))
    assert float((found == 0).float().mean()) == pytest.approx(share, abs=0.003)
    assert float(found.mean()) == pytest.approx(1.0, abs=0.01)
    # Each of the places of a number drawn at once is dropped as often as the others.
    rates = (found.flatten()[: 401_000 // 4 * 4].view(-1, 4) == 0).float().mean(dim=0)
    assert rates.tolist() == pytest.approx([share] * 4, abs=0.006)
    torch.manual_seed(1)
    assert torch.equal(layer(torch.ones(1000, 401)), found)
    assert torch.equal(layer.eval()(torch.ones(3)), torch.ones(3))
    draw_plainly(changed)
    assert type(layer[0]) is nn.Dropout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny BERT and a few reviews."""
    folder = tmp_path_factory.mktemp("texts")
    write_encoder(folder / "base", [*GOOD, *BAD])
    write_reviews(folder / "data")
    return folder


def test_the_loss_of_texts_in_one_row_is_that_of_a_plain_torch_loop(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Values = {"name": "adamw", "lr": 0.003, "weight_decay": 0.01}
    values = text_recipe(
        "text-classification",
        {"name": "all", "train": "all", "epochs": 3, "optimizer": settings},
        data={"group_by_length": False},
    )
    seen: list[tuple[dict[str, Tensor], Tensor]] = []
    losses: list[float] = []
    start: dict[str, Tensor] = {}
    done = run_text(place, values, out="quick")
    assert any(PACKED in line for line in log_lines(done))
    _watch(monkeypatch, seen, start)
    run_text(place, values, out="watched")
    model = _rebuilt(done.out / "out/result", start)
    optimizer = torch.optim.AdamW(_decayed(model), lr=0.003)
    per_epoch = len(seen) // 3
    for epoch in range(3):
        total = count = 0.0
        for inputs, labels in seen[epoch * per_epoch : (epoch + 1) * per_epoch]:
            loss = nn.functional.cross_entropy(model(**inputs).logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, count = total + loss.item() * len(labels), count + len(labels)
        losses.append(total / count)
    assert done.losses() == pytest.approx(losses, abs=1e-6)


def _watch(
    monkeypatch: pytest.MonkeyPatch,
    seen: list[tuple[dict[str, Tensor], Tensor]],
    start: dict[str, Tensor],
) -> None:
    """Keep the batches of training and the weights it began with."""
    from worker.data.batches import Batch
    from worker.data.texts import TextRows
    from worker.tasks.text_classification import TextClassification

    take: Callable[..., Batch] = TextRows.take
    build_plain = TextClassification.build

    def watched(self: TextRows, indices: Tensor, *, train: bool) -> Batch:
        batch = take(self, indices, train=train)
        if train:
            seen.append((batch.inputs, batch.targets))
        return batch

    def built(self: TextClassification) -> Any:
        network = build_plain(self)
        start.update({key: value.clone() for key, value in network.module.state_dict().items()})
        return network

    monkeypatch.setattr(TextRows, "take", watched)
    monkeypatch.setattr(TextClassification, "build", built)


def _rebuilt(folder: Path, start: dict[str, Tensor]) -> Any:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    model.load_state_dict(start)
    return model.train()


def _decayed(model: nn.Module) -> list[dict[str, Any]]:
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    others = [weight for weight in model.parameters() if weight.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": 0.01},
        {"params": others, "weight_decay": 0.0},
    ]


def test_a_network_is_written_as_it_was_built(place: Path) -> None:
    done = run_text(place, text_recipe("text-classification"), out="written")
    config = (done.out / "out/result/config.json").read_text(encoding="utf-8")
    assert "texts_in_one_row" not in config
    assert not any(PADDED in line for line in log_lines(done))


@pytest.mark.parametrize(
    ("name", "path"),
    [("bert-masks", "cls"), ("llama-words", "lm_head"), ("distilbert-masks", "vocab_projector")],
)
def test_only_wanted_guesses_are_computed_and_they_are_the_same(name: str, path: str) -> None:
    module = build(name).train()
    inputs = texts(5, 17, 2)
    wanted = inputs["attention_mask"].bool()
    wanted[0, 2] = wanted[1, 5:9] = False
    settings = {**inputs, **_without_memory(module)}
    with only_where(module.get_submodule(path), wanted):
        found = module(**settings).logits
    torch.testing.assert_close(found, module(**settings).logits[wanted], rtol=0, atol=1e-5)
