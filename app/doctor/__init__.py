"""What can be wrong with a site and its machine, in sentences, with the way to mend it."""

from app.doctor.findings import Check, Finding, Level, Patient
from app.doctor.machine import MACHINE
from app.doctor.servers import SERVERS
from app.doctor.work import WORK

__all__ = ["CHECKS", "Finding", "Level", "Patient", "examine"]

CHECKS: tuple[Check, ...] = (*MACHINE, *SERVERS, *WORK)


def examine(patient: Patient) -> list[Finding]:
    """Look at everything; what runs is asked, nothing is started."""
    return [finding for check in CHECKS for finding in check(patient)]
