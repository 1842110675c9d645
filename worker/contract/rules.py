"""The shape of a rule of the doctor."""

from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "info"]


class Rule(NamedTuple):
    """A rule of the doctor. `{name}` in the texts is filled from the finding's params."""

    severity: Severity
    message: str
    fix: str
