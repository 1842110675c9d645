"""Shapes of what is known of a data set."""

import json
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.core.errors import Detail
from app.core.i18n import _
from worker.contract.findings import Finding, Severity
from worker.contract.inventory import DataInventory
from worker.contract.items import Candidate, Media
from worker.contract.recipe import Columns
from worker.contract.samples import Sample

_CELL_CHARS = 240
_PASSAGE_CHARS = 140


@dataclass(frozen=True)
class DataRevision:
    """A data-set repository at one commit, with its inventory.

    `name` is `owner/name`; `is_archive` means the files lie inside one zip file.
    """

    repository_id: int
    name: str
    commit: str
    private: bool
    license: str
    inventory: DataInventory
    is_archive: bool


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FindingOut(_Out):
    """One thing the doctor found; `files` holds at most 20 of `total`."""

    code: str
    severity: Severity
    message: str
    fix: str
    files: list[str]
    total: int

    @classmethod
    def of(cls, finding: Finding) -> "FindingOut":
        """Return the finding in the reader's language."""
        return cls(
            code=finding.code,
            severity=finding.severity,
            message=_(finding.message).format(**finding.params),
            fix=_(finding.fix).format(**finding.params),
            files=list(finding.files),
            total=finding.total,
        )

    def details(self) -> list[Detail]:
        """Return one detail for each file, or one without a file."""
        return [Detail(path, self.message, self.fix) for path in self.files or [""]]


class SampleGlance(Sample):
    """A sample as it is kept; `picture` is a data address where one had to be made."""

    picture: str = ""


class SampleOut(_Out):
    """An example of the data set as the training sees it; long values are cut.

    Sizes are in pixels. `url` is empty for what has no file of its own, `picture` for what can be
    shown from its file.
    """

    path: str
    row: int | None
    label: str
    labels: tuple[str, ...]
    split: str | None
    width: int
    height: int
    seconds: float
    values: dict[str, JsonValue]
    picture: str
    url: str

    def cell(self, name: str) -> str:
        """Return a value in one short line: a text as it is, words in a row, else JSON."""
        value = self.values.get(name)
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            value = " ".join(str(part) for part in value)
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - 1] + "…"

    @property
    def passage(self) -> tuple[str, str, str] | None:
        """What stands before the first answer, the answer, and what follows; None if not seen."""
        context, answers = self.values.get("context"), self.values.get("answers")
        first = answers[0] if isinstance(answers, list) and answers else None
        if not isinstance(context, str) or not isinstance(first, dict):
            return None
        start, text = first.get("start"), str(first.get("text", ""))
        if not isinstance(start, int) or context[start : start + len(text)] != text:
            return None
        stop = start + len(text)
        begin, end = start - _PASSAGE_CHARS, stop + _PASSAGE_CHARS
        before = ("…" if begin > 0 else "") + context[max(0, begin) : start]
        after = context[stop:end] + ("…" if end < len(context) else "")
        return before, text, after


class ClassOut(_Out):
    """A class and how many examples each split has of it; the split is "" where none is named."""

    label: str
    counts: dict[str, int]
    total: int


class LengthOut(_Out):
    """How many examples are at least this long: seconds, characters or tokens."""

    start: float
    count: int


class CandidateOut(_Out):
    """A format that the data set may have, how likely (0 to 100), and why."""

    format: str
    name: str
    score: int
    reason: str


class Glance(BaseModel):
    """What is kept of a revision for its page, in no language. Unknown keys are ignored."""

    kind: str = "none"
    media: Media = "none"
    fields: list[str] = Field(default_factory=list)
    num_examples: int = 0
    split_counts: dict[str, int] = Field(default_factory=dict)
    classes: list[ClassOut] = Field(default_factory=list)
    splits: list[str] = Field(default_factory=list)
    lengths: list[LengthOut] = Field(default_factory=list)
    samples: list[SampleGlance] = Field(default_factory=list)
    candidates: list[Candidate] = Field(default_factory=list)
    columns: list[str] = Field(default_factory=list)
    mapping: dict[str, str] = Field(default_factory=dict)
    notes: dict[str, str] = Field(default_factory=dict)
    findings: list[Finding] = Field(default_factory=list)
    is_packed: bool = False


class Preview(BaseModel):
    """The first rows of a revision as certain columns would be read, in no language."""

    kind: str = "none"
    media: Media = "none"
    num_examples: int = 0
    rows: list[Sample] = Field(default_factory=list)
    candidates: list[Candidate] = Field(default_factory=list)
    columns: list[str] = Field(default_factory=list)
    mapping: dict[str, str] = Field(default_factory=dict)
    findings: list[Finding] = Field(default_factory=list)


class InventoryOut(_Out):
    """A data-set revision at a glance."""

    repo: str
    commit: str
    kind: str
    kind_name: str
    media: Media
    fields: list[str]
    num_examples: int
    split_counts: dict[str, int]
    classes: list[ClassOut]
    splits: list[str]
    lengths: list[LengthOut]
    samples: list[SampleOut]
    candidates: list[CandidateOut]
    columns: list[str]
    mapping: dict[str, str]
    notes: dict[str, str]
    findings: list[FindingOut]


class PreviewOut(_Out):
    """The first rows as a recipe with certain columns would read them."""

    repo: str
    commit: str
    kind: str
    kind_name: str
    media: Media
    num_examples: int
    rows: list[SampleOut]
    candidates: list[CandidateOut]
    columns: list[str]
    mapping: dict[str, str]
    findings: list[FindingOut]


class ColumnsQuery(BaseModel):
    """Which column holds which value, in a query; an empty one is found by itself."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    revision: str = Field(default="main", max_length=200)
    image: str = Field(default="", max_length=200)
    audio: str = Field(default="", max_length=200)
    text: str = Field(default="", max_length=200)
    text_pair: str = Field(default="", max_length=200)
    label: str = Field(default="", max_length=200)
    target: str = Field(default="", max_length=200)
    split: str = Field(default="", max_length=200)
    group: str = Field(default="", max_length=200)
    question: str = Field(default="", max_length=200)
    context: str = Field(default="", max_length=200)
    answers: str = Field(default="", max_length=200)
    messages: str = Field(default="", max_length=200)
    user: str = Field(default="", max_length=200)
    item: str = Field(default="", max_length=200)
    rating: str = Field(default="", max_length=200)
    timestamp: str = Field(default="", max_length=200)

    def chosen(self) -> dict[str, str]:
        """Return the columns that were named, by value."""
        return {name: column for name, column in self if column and name != "revision"}

    def columns(self) -> Columns:
        """Return them as a recipe writes them."""
        return Columns(**self.chosen())
