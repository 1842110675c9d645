"""Whether a run bears out a claim: its recipe and inputs decide, and what its worker measured."""

from dataclasses import dataclass

from app.claims.schemas import Basis, Claim, Kind, Verdict
from app.core.db import AsyncSession
from app.core.errors import ConflictError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer
from app.hub import policy as hub_policy
from app.hub.service import Repository
from app.jobs.service.evidence import Witness
from worker.contract.tasks import MEASURES

# How far a repetition may be off: shares by two points, other numbers by a twentieth.
SHARE_TOLERANCE, PART_TOLERANCE = 0.02, 0.05
_HUNDRED = 100.0
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Checked:
    """What a run says of a claim."""

    verdict: Verdict
    basis: Basis
    measured: float | None = None


async def check(
    db: AsyncSession,
    viewer: Viewer,
    repository: Repository,
    claim: Claim,
    maker: Witness | None,
    run: Witness,
) -> Checked:
    """Return what a run says of a claim; a number that is far off makes the verdict a doubt.

    Raises:
        ConflictError: the run has nothing to do with the model, or says nothing of this claim.
    """
    basis = _basis(repository, maker, run)
    if claim.kind is Kind.METRIC:
        return _check_number(claim, basis, run)
    if basis is Basis.SAME_RECIPE:
        await _check_inputs(db, viewer, claim, run)
    return Checked(Verdict.CONFIRMED, basis)


def _basis(repository: Repository, maker: Witness | None, run: Witness) -> Basis:
    if maker is not None and maker.job_id == run.job_id:
        raise ConflictError(
            _("Job %(n)d made this card: it cannot bear it out.") % {"n": run.job_id},
            fix=_("Run its recipe once more."),
            code="same_job",
        )
    if maker is not None and run.repeats(maker):
        return Basis.SAME_RECIPE
    if run.base_id == repository.id:
        return Basis.USED
    raise ConflictError(
        _("Job %(n)d neither began from this model nor ran the recipe it was made by.")
        % {"n": run.job_id},
        fix=_("Run the recipe of the card on the same data, or fine-tune this model."),
        code="unrelated_job",
    )


def _check_number(claim: Claim, basis: Basis, run: Witness) -> Checked:
    if basis is not Basis.SAME_RECIPE:
        raise ConflictError(
            _("A run that begins from this model measures another one."),
            fix=_("Run the recipe of the card on the same data."),
            code="other_model_measured",
        )
    measured = run.measured(claim.measure)
    if measured is None:
        raise ConflictError(
            _("Job %(n)d did not measure %(measure)s.")
            % {"n": run.job_id, "measure": claim.measure},
            fix=_("Let the recipe evaluate it."),
            code="not_measured",
        )
    verdict = Verdict.CONFIRMED if is_near(claim, measured) else Verdict.DOUBTFUL
    return Checked(verdict, basis, measured)


def is_near(claim: Claim, measured: float) -> bool:
    """Whether a measured value is what was claimed.

    Raises:
        ConflictError: the claimed value is no number.
    """
    try:
        claimed = float(claim.value.replace("%", ""))
    except ValueError as error:
        raise ConflictError(
            _("“%(value)s” is no number, so no run can confirm it.") % {"value": claim.value},
            fix=_("Ask the owner to write the number alone."),
            code="not_a_number",
        ) from error
    known = MEASURES.get(claim.measure)
    is_share = known.is_share if known else 0 <= measured <= 1
    if is_share and ("%" in claim.value or 1 < claimed <= _HUNDRED):
        claimed /= _HUNDRED
    allowed = SHARE_TOLERANCE if is_share else PART_TOLERANCE * abs(claimed)
    return abs(measured - claimed) <= allowed + _ROUNDING


async def _check_inputs(db: AsyncSession, viewer: Viewer, claim: Claim, run: Witness) -> None:
    if claim.kind is Kind.DATA:
        _require_among(claim.value, run.data_names, run)
    elif claim.kind is Kind.BASE:
        _require_among(claim.value, [run.base_name], run)
    else:
        await _check_licence(db, viewer, claim, run)


def _require_among(name: str, read: list[str], run: Witness) -> None:
    if name.lower() not in {one.lower() for one in read}:
        raise ConflictError(
            _("Job %(n)d read %(names)s, not %(name)s.")
            % {"n": run.job_id, "names": ", ".join(read) or "–", "name": name},
            fix=_("If the card is wrong, doubt the claim and say why."),
            code="input_differs",
        )


async def _check_licence(db: AsyncSession, viewer: Viewer, claim: Claim, run: Witness) -> None:
    """Pass unless the base states another licence than the model that was made of it."""
    try:
        base = await hub_policy.access_by_id(db, viewer, run.base_id or 0)
    except NotFoundError:
        return  # what the reviewer cannot see speaks neither for nor against it
    if base.license and base.license.lower() != claim.value.lower():
        raise ConflictError(
            _("The base %(name)s is under %(licence)s.")
            % {"name": run.base_name, "licence": base.license},
            fix=_("If the card is wrong, doubt the claim and say why."),
            code="licence_differs",
        )
