"""Networks that listen to one recording and tell its class."""

import soundfile
import torch
from torch import Tensor

from worker.contract.failures import FailureCode, RunError
from worker.contract.predictions import Prediction, PredictionInput
from worker.contract.sounds import MAX_SECONDS
from worker.data.mel import log_mel, read_sound
from worker.data.sounds import COLUMNS_PER_SECOND, Hearing, as_images, windowed
from worker.modeling.network import build_base
from worker.modeling.weights import load_weights, read_weights
from worker.trying.opened import InputError, ModelFolder, Opened
from worker.trying.scoring import best
from worker.trying.sentences import NO_SOUND, SILENCE


class SoundModel(Opened):
    """A network that is given log-mel pictures of one width."""

    def __init__(self, folder: ModelFolder) -> None:
        if not isinstance(folder.config.get("audio"), dict):
            reason = "Its config.json does not say how recordings become pictures."
            raise RunError(FailureCode.BASE_INVALID, reason)
        self._folder = folder
        self._module, _ = build_base(folder.base)
        load_weights(self._module, read_weights(folder.weights), folder.weights.name)
        self._module.eval()
        self._hearing = Hearing.of(folder.config, None, None)
        plan = folder.plan
        # What is heard of a recording at all; the network's window is the middle of that.
        self._seconds = (plan.recipe.data.max_seconds if plan else None) or MAX_SECONDS
        side = folder.number("audio", "side")
        self._side = int(side) if side else None

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return the best classes of a recording."""
        hearing = self._hearing
        wave_T = heard(given, hearing.rate, self._seconds)
        picture_MT = log_mel(wave_T, hearing.rate, hearing.n_mels)
        width = round(hearing.seconds * COLUMNS_PER_SECOND)
        is_cut = picture_MT.shape[1] > width
        pictures_BMT = windowed(picture_MT, width)[None]
        scores_C = self._module(as_images(pictures_BMT, self._side))[0]
        found = best(scores_C, self._folder.labels)
        return Prediction(task=self._folder.task, scores=found, is_cut=is_cut)


def heard(given: PredictionInput, rate: int, seconds: float) -> Tensor:
    """Return a recording as one channel (T,), its first seconds.

    Raises:
        InputError: it cannot be read, or there is nothing in it.
    """
    try:
        wave_T = read_sound(given.content or b"", rate, seconds)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise InputError(NO_SOUND) from error
    if not len(wave_T):
        raise InputError(SILENCE)
    return wave_T


OPEN = SoundModel
