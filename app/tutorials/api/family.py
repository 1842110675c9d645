"""What programs are given of what became of a recipe."""

from pydantic import BaseModel, ConfigDict, Field

from app.tutorials.schemas import Change, Family, Variant


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChangeOut(_Shape):
    """What a recipe says at one place, and what the one it came from said."""

    path: str
    before: str = Field(description="Empty where there was nothing.")
    after: str = Field(description="Empty where it was taken away.")

    @classmethod
    def of(cls, change: Change) -> "ChangeOut":
        """Return the shape of a change."""
        return cls(path=change.path, before=change.before, after=change.after)


class VariantOut(_Shape):
    """A recipe that came from a tutorial's; number 0 is the tutorial's own."""

    number: int
    parent: int | None = Field(description="The number of the one it came from.")
    changes: list[ChangeOut] = Field(description="Against the one it came from.")
    runs: int
    failed: int
    metric: str
    value: float | None = Field(description="The best of its runs.")
    best: bool
    other_data: bool = Field(description="It was measured on other data than the tutorial's.")
    version: int | None = Field(description="The tutorial's version it began from, if another.")
    job: int | None = Field(description="Where you may open it, the run with this value.")
    model: str = Field(description="What it was published as; empty if it was not.")

    @classmethod
    def of(cls, variant: Variant) -> "VariantOut":
        """Return the shape of one."""
        return cls(
            number=variant.number,
            parent=variant.parent,
            changes=[ChangeOut.of(change) for change in variant.changes],
            runs=variant.num_runs,
            failed=variant.num_failed,
            metric=variant.metric,
            value=variant.value,
            best=variant.is_best,
            other_data=variant.has_other_data,
            version=variant.version or None,
            job=variant.job_id or None,
            model=variant.model,
        )


class FamilyOut(_Shape):
    """What became of one recipe: `best` is the number of the variant with the best value."""

    recipe: int
    metric: str
    best: int | None
    won: list[ChangeOut] = Field(description="From the tutorial's recipe to the best one.")
    gain: float | None
    variants: list[VariantOut] = Field(description="Each after the one it came from.")
    left_out: int = Field(description="Runs that are not among them, because they are too many.")

    @classmethod
    def of(cls, family: Family) -> "FamilyOut":
        """Return the shape of a family."""
        return cls(
            recipe=family.number,
            metric=family.metric,
            best=family.best.number if family.best else None,
            won=[ChangeOut.of(change) for change in family.won],
            gain=family.gain,
            variants=[VariantOut.of(one) for one in family.root.all()],
            left_out=family.left_out,
        )
