"""Text generation: a language model learns to answer as the assistant in conversations does."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import Result, SplitMetrics
from worker.data.batches import Batch, Split
from worker.data.chats import (
    Chat,
    ChatSplit,
    encode_chat,
    joined,
    messages_of,
    packed_rows,
    prompt_of,
    with_template,
)
from worker.data.samples import Samples
from worker.data.tagged import IGNORED
from worker.data.texts import cut_note
from worker.evaluation.guesses import GuessMeter, Sample, guess_loss
from worker.export.snippets_text import generation_snippet
from worker.modeling.network import Network
from worker.task import ModelFiles, Setting
from worker.tasks.language import LanguageTask

_SHOWN = 4
_NEW_TOKENS = 64


class TextGeneration(LanguageTask):
    """Goes on with conversations; prompts are read, only answers are learned."""

    kind = "AutoModelForCausalLM"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._module: nn.Module | None = None
        self._has_plain_template = False

    def build(self) -> Network:
        """Return the language model as it is."""
        network = self.network()
        self._module = network.module
        return network

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the tokenised conversations of every split; only training ones are packed.

        Raises:
            RunError: no answer is left within the tokens that are read.
        """
        self._has_plain_template = with_template(self.tokenizer)
        if self._has_plain_template:
            self.notes.append("The base has no template for turns; a plain one is used and saved.")
        packs = self.plan.recipe.data.packing
        return {
            name: self._split(name, part, packs=packs and name == "train")
            for name, part in samples.items()
        }

    def _split(self, name: str, samples: Samples, *, packs: bool) -> ChatSplit:
        messages = [messages_of(row) for row in samples.rows]
        chats = [encode_chat(self.tokenizer, each, self.max_length) for each in messages]
        kept = [place for place, chat in enumerate(chats) if chat.count]
        if not kept:
            reason = f"No answer of {name} begins within {self.max_length} tokens."
            raise RunError(FailureCode.DATA_INVALID, f"{reason} Raise data.max_length.")
        if len(kept) < len(chats):
            lost = len(chats) - len(kept)
            self.notes.append(f"{lost} conversations of {name} have no answer within the length.")
        used: list[Chat] = [chats[place] for place in kept]
        if name == "train":
            self.notes += cut_note(joined([[chat] for chat in used]), self.max_length)
        rows = packed_rows(used, self.max_length) if packs else [[chat] for chat in used]
        if packs:
            self.notes.append(f"{len(used)} conversations are packed into {len(rows)} rows.")
        names = [samples.names[place] for place in kept]
        return ChatSplit(
            joined(rows),
            [f"row {number}" for number in range(1, len(rows) + 1)] if packs else names,
            self.pad_id,
            self.setting.device,
            rows=rows,
            messages=[messages[place] for place in kept],
            is_packed=packs,
        )

    def forward(self, module: nn.Module, inputs: Any) -> Any:
        """Return what the network gives; conversations differ in length: nothing is cached."""
        return self.guesses(module, inputs, use_cache=False)

    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the tokens of answers."""
        return guess_loss(output.logits, batch.targets, self.plan.recipe.train.label_smoothing)

    def weight(self, batch: Batch) -> float:
        """Return how many tokens of a batch have a target."""
        return float((batch.targets != IGNORED).sum())

    def meter(self, split: Split) -> GuessMeter:
        """Return a meter of perplexity, with a few answers that the model writes."""
        assert isinstance(split, ChatSplit)  # noqa: S101 - load() made it
        return GuessMeter(len(split), lambda _output, _batch: self._answers(split))

    def _answers(self, split: ChatSplit) -> list[Sample]:
        """Return what the model answers to the first prompts of a split, always its best guess."""
        return [
            {
                "prompt": messages[-2]["content"] if len(messages) > 1 else "",
                "found": self._answer(prompt_of(self.tokenizer, messages)),
                "true": messages[-1]["content"],
            }
            for messages in split.messages[:_SHOWN]
        ]

    def _answer(self, prompt: str) -> str:
        module: Any = self._module
        found = self.tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
        ids_1T = found["input_ids"][:, -self.max_length :].to(self.setting.device)
        with torch.no_grad():
            written_1T = module.generate(
                ids_1T,
                attention_mask=torch.ones_like(ids_1T),
                max_new_tokens=_NEW_TOKENS,
                do_sample=False,
                pad_token_id=self.pad_id,
            )
        return str(
            self.tokenizer.decode(written_1T[0, ids_1T.shape[1] :], skip_special_tokens=True)
        ).strip()

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config that transformers reads, the tokenizer and how turns are written."""
        del result
        files = self.model_files(network, generation_snippet())
        if self._has_plain_template:
            files.texts["chat_template.jinja"] = str(self.tokenizer.chat_template)
        return files

    def summary(self, metrics: SplitMetrics) -> str:
        """Return one sentence for the card."""
        base = self.plan.base
        return (
            f"`{base.library}/{base.architecture}` fine-tuned to answer in conversations. "
            f"Perplexity of the answers **{metrics.value:.4g}** on {metrics.size} conversations."
        )


TASK = TextGeneration
