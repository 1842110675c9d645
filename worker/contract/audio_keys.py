"""The keys of a recipe's data that are about recordings."""

from pydantic import Field

from worker.contract.base import Written


class AudioKeys(Written):
    """How recordings are heard."""

    sample_rate: int | None = Field(
        default=None,
        ge=2000,
        le=48_000,
        description="Samples a second that recordings are resampled to; else the base's, or 16000.",
    )
    max_seconds: float | None = Field(
        default=None, gt=0, le=60, description="Seconds of a recording that are heard; else 30."
    )
    language: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2,3}$",
        description="The language spoken, such as en or zh, for bases that know many.",
    )
