"""The part of an address that names an import."""

from typing import Annotated

from fastapi import Path

ImportId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The import's number.")]
