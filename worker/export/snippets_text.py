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
