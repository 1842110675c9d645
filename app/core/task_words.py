"""ML tasks in the reader's language; the tag itself stays as the hub's clients know it."""

from app.core.i18n import _


def task_label(task: str) -> str:
    """Return what people call the task with this tag; the tag itself if it is not one we know."""
    return _words().get(task) or task


def _words() -> dict[str, str]:
    return {
        "image-classification": _("Image classification"),
        "object-detection": _("Object detection"),
        "image-segmentation": _("Image segmentation"),
        "image-regression": _("Numbers from images"),
        "image-feature-extraction": _("Image features"),
        "text-classification": _("Text classification"),
        "token-classification": _("Token classification"),
        "text-generation": _("Text generation"),
        "question-answering": _("Question answering"),
        "sentence-similarity": _("Sentence similarity"),
        "feature-extraction": _("Feature extraction"),
        "fill-mask": _("Fill in the mask"),
        "translation": _("Translation"),
        "summarization": _("Summarization"),
        "audio-classification": _("Audio classification"),
        "automatic-speech-recognition": _("Speech recognition"),
        "tabular-classification": _("Tabular classification"),
        "tabular-regression": _("Tabular regression"),
    }
