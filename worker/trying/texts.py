"""Networks that read one text: its class, or the words behind its masks."""

import torch

from worker.contract.predictions import Prediction, PredictionInput, Scored
from worker.data.texts import encode, pad_id_of, padded
from worker.trying.language import LanguageModel, needed
from worker.trying.opened import InputError, ModelFolder, Opened
from worker.trying.scoring import best
from worker.trying.sentences import LATE_MASK, NO_MASK

_MASKS = 5


class TextClassifier(LanguageModel):
    """Tells the class of a text."""

    kind = "AutoModelForSequenceClassification"

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return the best classes."""
        encoded = encode(self.tokenizer, [needed(given.text)], self.max_length)
        inputs = padded(encoded.tokens, pad_id_of(self.tokenizer), torch.device("cpu"))
        found = best(self.module(**inputs).logits[0], self.labels)
        is_cut = len(encoded.tokens[0]) >= self.max_length
        return Prediction(task=self.folder.task, scores=found, is_cut=is_cut)


class MaskFiller(LanguageModel):
    """Guesses the words behind `[MASK]`."""

    kind = "AutoModelForMaskedLM"

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return the best words for the first mask, and the text with all masks filled in."""
        tokenizer = self.tokenizer
        mask = str(tokenizer.mask_token)
        text = needed(given.text).replace("[MASK]", mask).replace("<mask>", mask)
        if mask not in text or text.count(mask) > _MASKS:
            raise InputError(NO_MASK)
        tokens_T = encode(tokenizer, [text], self.max_length).tokens[0]
        inputs = padded([tokens_T], pad_id_of(tokenizer), torch.device("cpu"))
        places = (tokens_T == tokenizer.mask_token_id).nonzero()[:, 0]
        if not len(places):
            raise InputError(LATE_MASK)
        scores_NV = self.module(**inputs).logits[0, places].float().softmax(1)
        values, words = scores_NV[0].topk(5)
        pairs = zip(values.tolist(), words.tolist(), strict=True)
        found = tuple(Scored(label=self._word(word), score=value) for value, word in pairs)
        filled_T = tokens_T.clone()
        filled_T[places] = scores_NV.argmax(1)
        written = str(tokenizer.decode(filled_T, skip_special_tokens=True))
        return Prediction(task=self.folder.task, scores=found, text=written)

    def _word(self, number: int) -> str:
        return str(self.tokenizer.decode([number])).strip()


def _open(folder: ModelFolder) -> Opened:
    return MaskFiller(folder) if folder.task == "fill-mask" else TextClassifier(folder)


OPEN = _open
