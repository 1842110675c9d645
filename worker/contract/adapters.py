"""Adapters: a few new numbers beside the frozen layers of a network, trained in their place."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from worker.contract.base import Written
from worker.contract.stages import Stage

# The selector of everything that an adapter trains.
ADAPTER = "adapter"
_LOW_RANK = {"lora", "dora"}


class Adapter(Written):
    """Small trained parts beside the layers of the base; they are merged into it at the end."""

    type: Literal["lora", "dora", "ia3", "bitfit"] = Field(
        default="lora",
        description=(
            "lora: two thin matrices beside each layer; dora: and a length of each row; "
            "ia3: one factor for each output; bitfit: the biases that are there already."
        ),
    )
    r: int = Field(default=8, ge=1, le=1024, description="For lora and dora: the inner size.")
    lora_alpha: int = Field(
        default=16, ge=1, le=4096, description="For lora and dora: alpha / r scales the change."
    )
    lora_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="For lora and dora: part of the inputs dropped."
    )
    target_modules: tuple[
        Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.*?\[\]-]+$")], ...
    ] = Field(
        default=(),
        max_length=64,
        description=(
            "Names or patterns of the layers; else queries and values of attention, or every "
            "linear layer before the head."
        ),
    )

    @model_validator(mode="after")
    def _only_what_is_used(self) -> Self:
        numbers = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.0}
        changed = [name for name, usual in numbers.items() if getattr(self, name) != usual]
        if changed and self.type not in _LOW_RANK:
            raise ValueError(f"{changed[0]} has no effect with {self.type}: remove it")
        if self.target_modules and self.type == "bitfit":
            raise ValueError("target_modules has no effect with bitfit: it trains every bias")
        return self


def untrained_adapter(adapter: Adapter | None, stages: Sequence[Stage]) -> str | None:
    """Return what is wrong between an adapter and the stages, or None."""
    trains = [stage.name for stage in stages if ADAPTER in stage.train]
    if adapter is None:
        if trains:
            return f"stage {trains[0]} trains an adapter: add model.adapter"
        return None
    if not trains:
        return "model.adapter is trained by no stage: add `adapter` to the selectors of one"
    whole = [stage.name for stage in stages if stage.train == "all"]
    if whole:
        return f"stage {whole[0]} trains all: with model.adapter the base stays frozen"
    return None
