"""What a worker and the site say to each other about trying a model on one input.

The paths are under `/api/v1/worker/predictions` and carry the worker key: `claim` waits for a
request, `{id}/files/{path}` gives a file of the model, `{id}/answer` ends the request. A request
lives for a minute or two and is nobody's work that could be lost: the person simply asks again.
"""

from typing import Annotated, Literal, get_args

from pydantic import Base64Bytes, Field

from worker.contract.base import Wire
from worker.contract.protocol import OutputPath

# The queue whose name a worker gives when it registers, if it lets models be tried.
PREDICT_QUEUE = "predict"
MAX_INPUT_BYTES = 10 * 1024 * 1024
MAX_TEXT = 20_000
TOP = 5

InputKind = Literal["image", "audio", "text", "pair", "question"]
# What each task that can be tried is given.
INPUTS: dict[str, InputKind] = {
    "image-classification": "image",
    "image-regression": "image",
    "object-detection": "image",
    "image-segmentation": "image",
    "audio-classification": "audio",
    "automatic-speech-recognition": "audio",
    "text-classification": "text",
    "token-classification": "text",
    "fill-mask": "text",
    "text-generation": "text",
    "question-answering": "question",
}
# What the network is rebuilt from; nothing else of a repository is ever read.
MODEL_FILES = (
    "config.json",
    "plan.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "merges.txt",
    "vocab.json",
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
)
NEEDED_FILES = ("config.json", "model.safetensors")

ProblemCode = Literal["input_unreadable", "model_unusable", "too_slow", "model_too_large"]
PROBLEM_CODES: tuple[ProblemCode, ...] = get_args(ProblemCode)

Text = Annotated[str, Field(max_length=MAX_TEXT)]


class PredictionInput(Wire):
    """What a model is tried on: the bytes of a picture or a recording, or texts."""

    content: Base64Bytes | None = None
    text: Text = ""
    question: Text = ""


class ModelFile(Wire):
    """A file of the model. `digest` names its content, by whatever hash the hub has."""

    path: OutputPath
    size: int = Field(ge=0)
    digest: str


class PredictionClaimRequest(Wire):
    """POST /claim; answered within `wait_s` seconds, with 204 when nobody asked."""

    worker: str = ""
    wait_s: float = Field(default=20.0, ge=0, le=30)


class PredictionClaim(Wire):
    """A request handed to a worker, which has `seconds` to answer it."""

    id: int
    repo: str
    commit: str
    task: str
    files: tuple[ModelFile, ...]
    given: PredictionInput
    seconds: float


class Scored(Wire):
    """A class, or a word, with its probability."""

    label: str
    score: float


class Span(Wire):
    """A part of the text that was given, from one character up to another."""

    label: str
    text: str
    start: int
    end: int
    score: float | None = None


class Box(Wire):
    """An object in the picture: its corners in pixels of the picture as it is seen upright."""

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


class Prediction(Wire):
    """What a model makes of an input. Which fields are filled depends on the task.

    `scores` are the best first; `text` is what was written, answered or filled in; `value` is a
    number that was estimated. `seconds` is what the network took, `loaded` whether the model had
    to be loaded first, `is_cut` that the input was longer than what is read.
    """

    task: str
    scores: tuple[Scored, ...] = ()
    spans: tuple[Span, ...] = ()
    boxes: tuple[Box, ...] = ()
    width: int = 0
    height: int = 0
    text: str | None = None
    value: float | None = None
    seconds: float = 0.0
    loaded: bool = False
    is_cut: bool = False


class Problem(Wire):
    """Why there is no prediction; `detail` is a sentence in English."""

    code: ProblemCode
    detail: str = ""


class PredictionAnswer(Wire):
    """POST /{id}/answer: one of the two."""

    prediction: Prediction | None = None
    problem: Problem | None = None
