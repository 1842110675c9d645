"""The Python texts on the cards of language models; transformers alone runs them."""


def classification_snippet(max_length: int) -> str:
    """Return the code; it reads the model from the current folder."""
    return f"""import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForSequenceClassification.from_pretrained(".").eval()


def classify(text):
    inputs = tokenizer(text, truncation=True, max_length={max_length}, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    with torch.inference_mode():
        probabilities = model(**inputs).logits.softmax(1)[0]
    best = int(probabilities.argmax())
    return model.config.id2label[best], float(probabilities[best])
"""


def token_snippet(max_length: int) -> str:
    """Return the code that finds spans; it reads the model from the current folder."""
    return f"""import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForTokenClassification.from_pretrained(".").eval()


def tag(words):
    inputs = tokenizer(
        words, is_split_into_words=True, truncation=True, max_length={max_length},
        return_tensors="pt",
    )
    places = inputs.word_ids(0)
    with torch.inference_mode():
        best = model(input_ids=inputs["input_ids"]).logits[0].argmax(-1).tolist()
    # The first part of a word has its tag.
    return [
        (words[word], model.config.id2label[best[token]])
        for token, word in enumerate(places)
        if word is not None and (token == 0 or places[token - 1] != word)
    ]
"""


def answer_snippet(max_length: int, stride: int) -> str:
    """Return the code that answers questions; it reads the model from the current folder."""
    return f"""import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForQuestionAnswering.from_pretrained(".").eval()


def answer(question, context):
    inputs = tokenizer(
        question, context, truncation="only_second", max_length={max_length}, stride={stride},
        return_overflowing_tokens=True, return_offsets_mapping=True, padding=True,
        return_tensors="pt",
    )
    places = inputs.pop("offset_mapping")
    inputs.pop("overflow_to_sample_mapping")
    with torch.inference_mode():
        found = model(**inputs)
    best = (float("-inf"), "")
    for window in range(len(places)):
        inside = [i for i, part in enumerate(inputs.sequence_ids(window)) if part == 1]
        for start in inside:
            for end in inside:
                if start <= end < start + 30:
                    score = float(found.start_logits[window, start] + found.end_logits[window, end])
                    text = context[places[window][start][0] : places[window][end][1]]
                    best = max(best, (score, text))
    return best[1]
"""


def generation_snippet() -> str:
    """Return the code that answers in a conversation; it reads the model from this folder."""
    return """import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForCausalLM.from_pretrained(".").eval()


def answer(question, length=64):
    messages = [{"role": "user", "content": question}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        written = model.generate(ids, max_new_tokens=length, do_sample=False)
    return tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip()
"""


def mask_snippet() -> str:
    """Return the code that fills masks in; it reads the model from the current folder."""
    return """import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForMaskedLM.from_pretrained(".").eval()


def fill(text):
    inputs = tokenizer(text.replace("[MASK]", tokenizer.mask_token), return_tensors="pt")
    with torch.inference_mode():
        best = model(**inputs).logits[0].argmax(-1)
    hidden = inputs["input_ids"][0] == tokenizer.mask_token_id
    return [tokenizer.decode([number]).strip() for number in best[hidden].tolist()]
"""
