"""Speech recognition with Whisper: recordings in, what is said in them out, token by token."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import Result
from worker.contract.speech_bases import seconds_of
from worker.data.batches import Batch, Split
from worker.data.samples import Samples
from worker.data.texts import load_tokenizer, tokenizer_texts
from worker.data.whisper import (
    UNSEEN,
    DictationSplit,
    encode_transcripts,
    end_of,
    extractor_of,
    load_whisper_pictures,
    prompt_of,
)
from worker.evaluation.speech import DictationMeter, dictation_loss
from worker.export.snippets_audio import whisper_snippet
from worker.export.whisper_files import (
    generation_values,
    numbers_in,
    preprocessor_values,
    rules_of,
)
from worker.modeling.language import config_of
from worker.modeling.network import Network
from worker.modeling.whisper import (
    COLUMNS_PER_POSITION,
    POSITIONS_PER_SECOND,
    Listener,
    WritingRules,
    build_whisper,
    write_greedily,
)
from worker.task import ModelFiles, Setting, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Dictation(Task):
    """Learns to write down speech as Whisper does: each token from the sound and those before."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        base, data = self.plan.base, self.plan.recipe.data
        self._seconds = seconds_of(base.config, data.max_seconds)
        bands = base.config.get("num_mel_bins")
        self._extractor = extractor_of(bands if isinstance(bands, int) else 80, self._seconds)
        self._listener = Listener()
        self._module: nn.Module | None = None

    @cached_property
    def _tokenizer(self) -> "PreTrainedTokenizerBase":
        return load_tokenizer(self.setting.base)

    @cached_property
    def _prompt(self) -> list[int]:
        return prompt_of(self._tokenizer, self.plan.recipe.data.language)

    @cached_property
    def _rules(self) -> WritingRules:
        base = self.setting.base
        return rules_of(base, self.plan.base.config, end_of(self._tokenizer), self._seconds)

    def build(self) -> Network:
        """Return the base, hearing no more at a time than the recipe asks for."""
        network = build_whisper(
            self.plan.base,
            self.setting.weights,
            self.plan.recipe.reproducibility.seed,
            self._seconds * POSITIONS_PER_SECOND,
        )
        self._module = network.module
        return network

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the pictures and tokens of every split."""
        splits: dict[str, Split] = {}
        first = 0
        for name, part in samples.items():
            splits[name] = self._split(part, first, is_train=name == "train")
            first += len(part)
        return splits

    def _split(self, samples: Samples, first: int, *, is_train: bool) -> DictationSplit:
        cut = sum(fact.seconds > self._seconds for fact in samples.facts)
        if cut:
            self.notes.append(f"{cut} recordings are longer than the {self._seconds} s heard.")
        texts = [str(row.values["text"]) for row in samples.rows]
        tokens = encode_transcripts(self._tokenizer, texts, self._prompt)
        longest = max(range(len(tokens)), key=lambda place: len(tokens[place]))
        positions = self.plan.base.config.get("max_target_positions")
        if isinstance(positions, int) and len(tokens[longest]) > positions:
            raise RunError(
                FailureCode.DATA_INVALID,
                f"{samples.names[longest]}: its transcript has {len(tokens[longest])} tokens, the "
                f"base writes {positions} at most. Cut the recording into parts.",
            )
        return DictationSplit(
            load_whisper_pictures(samples, self._extractor),
            texts,
            tokens,
            samples.names,
            self._seconds * POSITIONS_PER_SECOND * COLUMNS_PER_POSITION,
            len(self._prompt),
            first,
            is_train and self.plan.recipe.augment.is_random,
            self.setting.device,
        )

    def forward(self, module: nn.Module, inputs: dict[str, Any]) -> Any:
        """Return the scores of tokens; what a frozen encoder heard before is not computed again."""
        recordings = inputs.get("recordings")
        heard = self._listener.heard(
            # Where several processes train together, the network lies inside of another module.
            getattr(module, "module", module),
            inputs["pictures"],
            recordings.tolist() if recordings is not None else None,
        )
        return module(encoder_outputs=(heard,), decoder_input_ids=inputs["tokens"], use_cache=False)

    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the tokens of transcripts."""
        return dictation_loss(output, batch.targets)

    def weight(self, batch: Batch) -> float:
        """Return how many tokens of a batch have a target."""
        return float((batch.targets.tokens_BT != UNSEEN).sum())

    def meter(self, split: Split) -> DictationMeter:
        """Return a meter of wrong characters and wrong words, capitals and marks left out."""
        return DictationMeter(split.names, self._written)

    def _written(self, heard_BSD: Tensor) -> list[str]:
        module: Any = self._module
        modes = {part: part.training for part in module.modules()}
        rows = write_greedily(module.eval(), heard_BSD.float(), self._prompt, self._rules)
        for part, mode in modes.items():
            part.training = mode
        return [str(self._tokenizer.decode(row, skip_special_tokens=True)).strip() for row in rows]

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the configs that transformers reads, the tokenizer and how recordings are read."""
        del result
        config = config_of(network.module)
        return ModelFiles(
            snippet=whisper_snippet(),
            jsons={
                "config.json": config,
                "preprocessor_config.json": preprocessor_values(self._extractor),
                "generation_config.json": generation_values(
                    numbers_in(self.setting.base, "generation_config.json"),
                    self._tokenizer,
                    self._rules,
                    self.plan.recipe.data.language,
                ),
            },
            texts=tokenizer_texts(self.setting.base),
        )
