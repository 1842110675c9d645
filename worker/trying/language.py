"""What all models of texts share: the network of transformers, its tokenizer, the length read."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from worker.contract.failures import FailureCode, RunError
from worker.data.texts import load_tokenizer, text_length
from worker.modeling.language import build_language
from worker.trying.opened import InputError, ModelFolder, Opened
from worker.trying.sentences import NO_TEXT

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase


class LanguageModel(Opened):
    """A network of transformers with its own head, in fp32. `kind` is the class of that head."""

    kind: str
    usual_length: int | None = None

    def __init__(self, folder: ModelFolder) -> None:
        if folder.base.library != "transformers":
            raise RunError(FailureCode.BASE_INVALID, "It is no network of transformers.")
        self.folder = folder
        network = build_language(
            folder.base, self.kind, folder.weights, 0, keeps_head=True, config={}
        )
        self.module: nn.Module = network.module.eval()
        with safe_open(folder.weights, "pt") as file:
            there = set(file.keys())
        # A base without this task's layers would answer at random.
        head = [n for n, _ in self.module.named_parameters() if n.startswith(network.head_path)]
        if any(name not in there for name in head):
            raise RunError(FailureCode.BASE_INVALID, "Its weights lack the layers for this task.")

    @cached_property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The tokenizer beside the weights."""
        return load_tokenizer(self.folder.path)

    @cached_property
    def max_length(self) -> int:
        """How many tokens are read: as many as in training, where that is known."""
        plan = self.folder.plan
        asked = plan.recipe.data.max_length if plan else None
        found = text_length(asked, self.folder.config.get("max_position_embeddings"))
        return min(found, self.usual_length) if asked is None and self.usual_length else found

    @cached_property
    def labels(self) -> list[str]:
        """The classes by number."""
        config: Any = self.module.config
        return [str(config.id2label[number]) for number in range(len(config.id2label))]


def needed(text: str) -> str:
    """Return a text that something is written in.

    Raises:
        InputError: it is empty.
    """
    if not text.strip():
        raise InputError(NO_TEXT)
    return text
