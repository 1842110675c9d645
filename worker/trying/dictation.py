"""A Whisper that writes down what is said in a recording."""

import torch

from worker.contract.predictions import Prediction, PredictionInput
from worker.contract.speech_bases import seconds_of
from worker.data.texts import load_tokenizer
from worker.data.whisper import (
    RATE,
    end_of,
    extractor_of,
    padded_picture,
    picture,
    prompt_of,
)
from worker.export.whisper_files import numbers_in, rules_of
from worker.modeling.whisper import (
    COLUMNS_PER_POSITION,
    POSITIONS_PER_SECOND,
    build_whisper,
    write_greedily,
)
from worker.trying.opened import ModelFolder, Opened
from worker.trying.sounds import heard

_BANDS = 80


class Dictated(Opened):
    """A Whisper with its tokenizer; it writes its best guess, so answers never differ."""

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder
        seconds = seconds_of(folder.config, None)
        self._places = seconds * POSITIONS_PER_SECOND
        self._extractor = extractor_of(int(folder.number("num_mel_bins") or _BANDS), seconds)
        self._tokenizer = load_tokenizer(folder.path)
        language = numbers_in(folder.path, "generation_config.json").get("language")
        code = language.strip("<|>") if isinstance(language, str) else None
        self._prompt = prompt_of(self._tokenizer, code)
        self._rules = rules_of(folder.path, folder.config, end_of(self._tokenizer), seconds)
        network = build_whisper(folder.base, folder.weights, 0, self._places)
        self._module = network.module.eval()

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return what is said in a recording."""
        seconds = self._extractor.chunk_length
        # A little more than is heard tells whether something is cut off.
        wave_T = heard(given, RATE, seconds + 1)
        found = picture(wave_T[: seconds * RATE], self._extractor)
        columns = self._places * COLUMNS_PER_POSITION
        pictures_BMT = padded_picture(found, columns, float(found[0, -1]))[None]
        encoder = self._module.get_submodule("model.encoder")
        states_BSD = encoder(pictures_BMT).last_hidden_state
        [row] = write_greedily(self._module, states_BSD, self._prompt, self._rules)
        text = str(self._tokenizer.decode(row, skip_special_tokens=True)).strip()
        return Prediction(task=self._folder.task, text=text, is_cut=len(wave_T) > seconds * RATE)
