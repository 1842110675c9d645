"""Networks that find names and other spans in a text."""

import re

import torch

from worker.contract.items import Item
from worker.contract.predictions import Prediction, PredictionInput, Span
from worker.data.tagged import OUTSIDE, encode_tagged
from worker.data.texts import pad_id_of, padded
from worker.trying.language import LanguageModel, needed

# A character of a script without spaces is a word, as it is in the data such models learn from.
_WORD = re.compile("[\u2e80-\u303f\u3040-\u30ff\u31f0-\u9fff\uf900-\ufaff]|[^\\W_]+|[^\\w\\s]|_")


class SpanFinder(LanguageModel):
    """Gives every word a tag, and reads spans from them."""

    kind = "AutoModelForTokenClassification"

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return the spans of a text."""
        found = list(_WORD.finditer(needed(given.text)))
        row = Item("text", values={"tokens": [word[0] for word in found]})
        encoded, firsts = encode_tagged(self.tokenizer, [row], self.max_length)
        inputs = padded(encoded.tokens, pad_id_of(self.tokenizer), torch.device("cpu"))
        scores_TC = self.module(**inputs).logits[0].float().softmax(1)
        spans: list[Span] = []
        before = OUTSIDE
        for token, word in firsts[0]:
            score, number = scores_TC[token].max(0)
            tag, place = self.labels[int(number)], found[word]
            _add(spans, before, Span(label=tag, text="", start=place.start(), end=place.end(),
                                     score=float(score)))  # fmt: skip
            before = tag
        named = tuple(
            span.model_copy(update={"text": given.text[span.start : span.end]}) for span in spans
        )
        return Prediction(task=self.folder.task, spans=named, is_cut=len(firsts[0]) < len(found))


def _add(spans: list[Span], before: str, new: Span) -> None:
    """Add a tagged word to what was found: to the last span where it goes on with it."""
    part, _, kind = new.label.rpartition("-")
    if new.label == OUTSIDE:
        return
    goes_on = part == "I" and before.rpartition("-")[2] == kind and before != OUTSIDE
    if goes_on and spans:
        score = min(spans[-1].score or 0.0, new.score or 0.0)
        spans[-1] = spans[-1].model_copy(update={"end": new.end, "score": score})
        return
    spans.append(new.model_copy(update={"label": kind}))


OPEN = SpanFinder
