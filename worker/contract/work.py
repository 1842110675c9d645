"""The kinds of work a job can hold. What a worker is given says by its `kind` which one it is."""

from typing import Annotated, Any

from pydantic import Discriminator, JsonValue, Tag, TypeAdapter

from worker.contract.plan import Plan
from worker.contract.rank import RANK_KIND, RankPlan

FINE_TUNE_KIND = "fine-tune"


def _kind(value: Any) -> str:
    # Plans of fine-tuning jobs were stored before there was a second kind; they name none.
    if isinstance(value, dict):
        return str(value.get("kind", FINE_TUNE_KIND))
    return RANK_KIND if isinstance(value, RankPlan) else FINE_TUNE_KIND


Work = Annotated[
    Annotated[Plan, Tag(FINE_TUNE_KIND)] | Annotated[RankPlan, Tag(RANK_KIND)],
    Discriminator(_kind),
]
_WORK: TypeAdapter[Plan | RankPlan] = TypeAdapter(Work)


def read_work(values: dict[str, JsonValue]) -> Plan | RankPlan:
    """Return the plan that stored values hold.

    Raises:
        pydantic.ValidationError: of no kind that is known, or not whole.
    """
    return _WORK.validate_python(values)
