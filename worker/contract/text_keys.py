"""What a recipe says about texts: how much of each is read, and how they share a batch."""

from pydantic import Field

from worker.contract.base import Written


class TextKeys(Written):
    """How texts are read."""

    max_length: int | None = Field(
        default=None, ge=4, le=8192, description="Tokens of a text that are read; else up to 512."
    )
    group_by_length: bool = Field(
        default=True, description="Texts of like length share a batch, so that little is padded."
    )
    stride: int | None = Field(
        default=None,
        ge=0,
        le=4096,
        description="For answers in long texts: tokens that two windows share; else a quarter.",
    )
    packing: bool = Field(
        default=False,
        description="Conversations share a row until it is full; none of them sees another.",
    )
    mask_probability: float = Field(
        default=0.15, gt=0, lt=1, description="Part of the tokens that are hidden and guessed."
    )
