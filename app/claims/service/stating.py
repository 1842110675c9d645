"""From a card to its claims: each number, data set, base and licence is one."""

import hashlib
from collections.abc import Iterator

from app.claims.schemas import Claim, Kind
from app.core.errors import NotFoundError
from app.core.i18n import _
from app.hub.service import Repository
from app.hub.service.cards import StatedMetric, stated_datasets, stated_metrics

MOST_CLAIMS = 60


def claims_of(repository: Repository) -> list[Claim]:
    """Return what the card on `main` claims; at most sixty lines, each subject once."""
    found: dict[str, Claim] = {}
    for claim in _claims(repository):
        if len(found) < MOST_CLAIMS and claim.value:
            found.setdefault(claim.key, claim)
    return list(found.values())


def _claims(repository: Repository) -> Iterator[Claim]:
    for metric in stated_metrics(repository):
        yield _of_metric(metric)
    for name in stated_datasets(repository):
        yield Claim(_key(Kind.DATA, name), Kind.DATA, name, title=_("Trained on"))
    for name in repository.base_models:
        yield Claim(_key(Kind.BASE, name), Kind.BASE, name, title=_("Made from"))
    licence = repository.license
    yield Claim(Kind.LICENCE.value, Kind.LICENCE, licence, title=_("Licence"))


def _of_metric(metric: StatedMetric) -> Claim:
    return Claim(
        key=_key(Kind.METRIC, f"{metric.task}\n{metric.dataset}\n{metric.metric}"),
        kind=Kind.METRIC,
        value=metric.value,
        measure=metric.metric,
        subject=metric.dataset,
        title=_("%(measure)s on %(data)s") % {"measure": metric.name, "data": metric.dataset}
        if metric.dataset
        else metric.name,
    )


def _key(kind: Kind, subject: str) -> str:
    return f"{kind.value}-{hashlib.sha256(subject.encode()).hexdigest()[:12]}"


def claim_of(repository: Repository, key: str) -> Claim:
    """Return one claim of the card.

    Raises:
        NotFoundError: the card makes no such claim, or not any more.
    """
    for claim in claims_of(repository):
        if claim.key == key:
            return claim
    raise NotFoundError(
        _("The card makes no such claim."),
        fix=_("It may have changed: look at the model's claims."),
        code="claim_not_found",
    )
