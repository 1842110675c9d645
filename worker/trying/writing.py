"""Language models that answer in a conversation, or go on with a text."""

from typing import Any

import torch

from worker.contract.predictions import Prediction, PredictionInput
from worker.data.chats import prompt_of, with_template
from worker.data.texts import pad_id_of
from worker.trying.language import LanguageModel, needed

_NEW_TOKENS = 64


class Writer(LanguageModel):
    """Always writes its best guess, so that the same text gives the same answer."""

    kind = "AutoModelForCausalLM"

    @torch.inference_mode()
    def predict(self, given: PredictionInput) -> Prediction:
        """Return what the model answers."""
        tokenizer, module = self.tokenizer, self.module
        with_template(tokenizer)
        prompt = prompt_of(tokenizer, [{"role": "user", "content": needed(given.text)}])
        ids_1T = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"]
        room = max(1, self.max_length - _NEW_TOKENS)
        kept_1T = ids_1T[:, -room:]
        generator: Any = module
        written_1T = generator.generate(
            kept_1T,
            attention_mask=torch.ones_like(kept_1T),
            max_new_tokens=_NEW_TOKENS,
            do_sample=False,
            pad_token_id=pad_id_of(tokenizer),
        )
        text = tokenizer.decode(written_1T[0, kept_1T.shape[1] :], skip_special_tokens=True)
        return Prediction(
            task=self.folder.task,
            text=str(text).strip(),
            is_cut=kept_1T.shape[1] < ids_1T.shape[1],
        )


OPEN = Writer
