"""Speech recognition: recordings in, what is said in them out, character by character."""

from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from worker.contract.bases import PinnedBase
from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import Result
from worker.contract.recipe import Head, Stem
from worker.data.batches import Batch, Split
from worker.data.samples import Samples
from worker.data.sounds import Hearing, load_pictures
from worker.data.speech import SpeechSplit, characters_of, plain_text
from worker.evaluation.speech import Output, SpeechMeter, ctc_loss
from worker.export.snippets_audio import speech_snippet
from worker.modeling.groups import divide
from worker.modeling.nets import LIBRARY
from worker.modeling.nets.speech_ctc import SpeechCtc
from worker.modeling.network import Network
from worker.modeling.weights import load_weights, read_weights
from worker.task import ModelFiles, Setting, Task

ARCHITECTURE = "speech-ctc"


class SpeechRecognition(Task):
    """Learns to write down speech with connectionist temporal classification."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        data = self.plan.recipe.data
        self._hearing = Hearing.of(self.plan.base.config, data.sample_rate, data.max_seconds)
        self._characters = ""

    def look(self, samples: Mapping[str, Samples]) -> None:
        """Take the characters from the transcripts of training."""
        self._characters = characters_of(str(row.values["text"]) for row in samples["train"].rows)

    def build(self) -> Network:
        """Return the base network with a score for each character of the transcripts."""
        base = self.plan.base
        if base.architecture != ARCHITECTURE:
            raise RunError(
                FailureCode.BASE_INVALID, f"{base.repo} is no network that writes down speech."
            )
        torch.manual_seed(self.plan.recipe.reproducibility.seed)
        module = SpeechCtc(len(self._characters) + 1, self._hearing.n_mels)
        if base.weights == "pretrained":
            self._take_over(module, base, self.setting.weights)
        return Network(module, "head", divide(module, "head"), Head(), Stem(), [])

    def _take_over(self, module: SpeechCtc, base: PinnedBase, weights: Path | None) -> None:
        """Put the base's weights in; characters that it knows keep their scores."""
        if weights is None:
            raise RunError(FailureCode.BASE_NOT_FOUND, f"There are no weights for {base.repo}.")
        known = str(base.config.get("characters", ""))
        old = SpeechCtc(len(known) + 1, self._hearing.n_mels)
        load_weights(old, read_weights(weights), weights.name)
        head = module.head
        pairs = [(0, 0)] + [
            (number, known.index(character) + 1)
            for number, character in enumerate(self._characters, start=1)
            if character in known
        ]
        with torch.no_grad():
            for new, before in pairs:
                head.weight[new] = old.head.weight[before]
                head.bias[new] = old.head.bias[before]
        body = {k: v for k, v in old.state_dict().items() if not k.startswith("head.")}
        module.load_state_dict(body, strict=False)

    def load(self, samples: Mapping[str, Samples]) -> dict[str, Split]:
        """Return the pictures and transcripts of every split."""
        augment = self.plan.recipe.augment.is_random
        return {
            name: SpeechSplit(
                load_pictures(part, self._hearing),
                [plain_text(str(row.values["text"])) for row in part.rows],
                self._characters,
                part.names,
                name == "train" and augment,
                self.setting.device,
            )
            for name, part in samples.items()
        }

    def forward(self, module: nn.Module, inputs: dict[str, Tensor]) -> Output:
        """Return the scores of characters and how many are of the recording itself."""
        scores, lengths = module(**inputs)
        return scores, lengths

    def loss(self, output: Output, batch: Batch) -> Tensor:
        """Return the mean loss of a character."""
        return ctc_loss(output, batch.targets)

    def meter(self, split: Split) -> SpeechMeter:
        """Return a meter of wrong characters and wrong words."""
        return SpeechMeter(self._characters, split.names)

    def files(self, network: Network, result: Result) -> ModelFiles:
        """Return the config, with the characters and how recordings become pictures."""
        del network, result
        config: dict[str, JsonValue] = {
            "architecture": f"{LIBRARY}/{ARCHITECTURE}",
            "library_name": LIBRARY,
            "task": self.plan.recipe.task,
            "characters": self._characters,
            "audio": self._hearing.values,
        }
        return ModelFiles(snippet=speech_snippet(), jsons={"config.json": config})


def speech_task(setting: Setting) -> Task:
    """Return the task for the kind of base: Whisper, or a network of characters."""
    if setting.plan.base.library != "transformers":
        return SpeechRecognition(setting)
    # transformers is imported only by those who need it.
    from worker.tasks.dictation import Dictation

    return Dictation(setting)


TASK = speech_task
