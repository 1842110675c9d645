"""Networks that write down what is said in a recording, character by character."""

import torch

from worker.contract.failures import FailureCode, RunError
from worker.contract.predictions import Prediction, PredictionInput
from worker.contract.speech_bases import WHISPER
from worker.data.mel import log_mel
from worker.data.sounds import Hearing
from worker.evaluation.speech import greedy
from worker.modeling.nets.speech_ctc import SpeechCtc
from worker.modeling.weights import load_weights, read_weights
from worker.trying.opened import ModelFolder, Opened
from worker.trying.sounds import heard


class SpeechModel(Opened):
    """The network of ours with connectionist temporal classification."""

    def __init__(self, folder: ModelFolder) -> None:
        characters = folder.config.get("characters")
        if not isinstance(characters, str):
            reason = "Only networks of this engine that write characters can be tried on speech."
            raise RunError(FailureCode.BASE_INVALID, reason)
        self._folder, self._characters = folder, characters
        self._hearing = Hearing.of(folder.config, None, None)
        self._module = SpeechCtc(len(characters) + 1, self._hearing.n_mels)
        load_weights(self._module, read_weights(folder.weights), folder.weights.name)
        self._module.eval()

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return what is said in a recording."""
        hearing = self._hearing
        wave_T = heard(given, hearing.rate, hearing.seconds)
        picture_MT = log_mel(wave_T, hearing.rate, hearing.n_mels)
        lengths = torch.tensor([picture_MT.shape[1]])
        scores_BTV, lengths_B = self._module(picture_MT[None], lengths)
        text = greedy(scores_BTV[0, : int(lengths_B[0])], self._characters)
        return Prediction(task=self._folder.task, text=text)


def open_speech(folder: ModelFolder) -> Opened:
    """Return what opens the kind of network that a folder holds."""
    if folder.base.architecture != WHISPER:
        return SpeechModel(folder)
    # transformers is imported only by those who need it.
    from worker.trying.dictation import Dictated

    return Dictated(folder)


OPEN = open_speech
