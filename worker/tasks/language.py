"""What all tasks on texts share: the tokenizer, the length read, the files of the result."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import JsonValue
from torch import nn

from worker.data.tagged import WANTED
from worker.data.texts import load_tokenizer, pad_id_of, text_length, tokenizer_texts
from worker.modeling.language import attention_dropouts, build_language, config_of
from worker.modeling.network import Network
from worker.modeling.wanted import only_where
from worker.task import ModelFiles, Setting, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class LanguageTask(Task):
    """A task done by networks of transformers. `kind` is the class that has the fitting head."""

    kind: ClassVar[str]

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        positions = self.plan.base.config.get("max_position_embeddings")
        self.max_length = text_length(self.plan.recipe.data.max_length, positions)
        if attention_dropouts(self.plan.base):
            self.notes.append(
                "Dropout inside of attention is off, so that its fused kernel is used; "
                "the other dropout of the base stays."
            )

    @cached_property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The tokenizer of the base."""
        return load_tokenizer(self.setting.base)

    @property
    def pad_id(self) -> int:
        """The number of the padding, which is never looked at."""
        return pad_id_of(self.tokenizer)

    def network(self, labels: list[str] | None = None) -> Network:
        """Return the base with the head of this task; `labels` are those of a new one."""
        recipe = self.plan.recipe
        config: dict[str, JsonValue] = {}
        if labels is not None:
            config["id2label"] = {str(number): label for number, label in enumerate(labels)}
            config["label2id"] = {label: number for number, label in enumerate(labels)}
        network = build_language(
            self.plan.base,
            self.kind,
            self.setting.weights,
            recipe.reproducibility.seed,
            keeps_head=recipe.spec.keeps_head or recipe.model.head.type == "keep",
            config=config,
        )
        self._head = network.head_module
        return network

    def guesses(self, module: nn.Module, inputs: Mapping[str, Any], **settings: Any) -> Any:
        """Return what a network that guesses tokens gives, only for the wanted ones if some are."""
        fed = {key: value for key, value in inputs.items() if key != WANTED}
        with only_where(self._head, inputs.get(WANTED)):
            return module(**fed, **settings)

    def model_files(self, network: Network, snippet: str, **texts: str) -> ModelFiles:
        """Return the config that transformers reads, and the tokenizer."""
        return ModelFiles(
            snippet=snippet,
            jsons={"config.json": config_of(network.module)},
            texts={**tokenizer_texts(self.setting.base), **texts},
        )
