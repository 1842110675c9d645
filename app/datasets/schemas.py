"""Shapes of what is known of a data set."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from app.core.errors import Detail
from app.core.i18n import _
from worker.contract.findings import Finding, Severity
from worker.contract.inventory import DataInventory

NUM_SAMPLES = 12


@dataclass(frozen=True)
class DataRevision:
    """A data-set repository at one commit, with its inventory.

    `name` is `owner/name`; `is_archive` means the images lie inside one zip file.
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


class SampleOut(_Out):
    """An image of the data set. Sizes are in pixels; `url` is empty inside a zip file."""

    path: str
    label: str
    split: str | None
    width: int
    height: int
    url: str


class ClassOut(_Out):
    """A class and how many images each split has of it; the split is "" where none is named."""

    label: str
    counts: dict[str, int]
    total: int


class InventoryOut(_Out):
    """A data-set revision at a glance."""

    repo: str
    commit: str
    kind: str
    num_images: int
    classes: list[ClassOut]
    splits: list[str]
    samples: list[SampleOut]
    findings: list[FindingOut]
