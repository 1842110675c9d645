"""Networks that find the answer to a question in a text."""

import torch

from worker.contract.predictions import Prediction, PredictionInput
from worker.data.batches import Batch
from worker.data.questions import Question, QuestionSplit, windows
from worker.data.texts import pad_id_of
from worker.evaluation.answers import AnswerMeter
from worker.trying.language import LanguageModel, needed
from worker.trying.opened import InputError
from worker.trying.sentences import NO_QUESTION


class Answerer(LanguageModel):
    """Finds the first and the last word of an answer."""

    kind = "AutoModelForQuestionAnswering"
    usual_length = 384

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return the answer as it stands in the text."""
        if not given.question.strip():
            raise InputError(NO_QUESTION)
        question = Question("text", given.question.strip(), needed(given.text), ())
        stride = self.max_length // 4
        encoded, owners, places = windows(self.tokenizer, [question], self.max_length, stride)
        split = QuestionSplit(
            encoded,
            ["text"] * len(owners),
            pad_id_of(self.tokenizer),
            torch.device("cpu"),
            questions=[question],
            owners=owners,
            places=places,
            targets_N2=torch.zeros(len(owners), 2, dtype=torch.int64),
        )
        meter = AnswerMeter(split, may_be_none=False)
        for window in range(len(owners)):
            batch: Batch = split.take(torch.tensor([window]), train=False)
            meter.add(self.module(**batch.inputs), batch)
        return Prediction(task=self.folder.task, text=meter.answers()[0])


OPEN = Answerer
