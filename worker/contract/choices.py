"""Values that are a number, or `auto` where the engine finds the number itself."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

# In the places of problems these tell which of the two was meant; people do not need them.
NUMBER, AUTO = "number", "auto"


def which(value: Any) -> str:
    """Return which of the two a value is meant to be, a number or `auto`."""
    return AUTO if value == AUTO else NUMBER


Auto = Annotated[Literal["auto"], Tag(AUTO)]
RateOrAuto = Annotated[
    Annotated[float, Field(gt=0, le=10), Tag(NUMBER)] | Auto, Discriminator(which)
]
SizeOrAuto = Annotated[
    Annotated[int, Field(ge=1, le=65536), Tag(NUMBER)] | Auto, Discriminator(which)
]
