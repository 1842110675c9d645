"""Gated repositories: asking to be let in, and the owner's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from app.accounts import service as accounts
from app.accounts.schemas import AccountKind, AccountRef
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import BadRequestError, ConflictError, NotFoundError
from app.core.events import emit
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.hub.events import RepositoryChanged
from app.hub.queries import access as queries
from app.hub.schemas import AccessStatus
from app.hub.tables import AccessRequest, Repository

log = structlog.get_logger(__name__)

GATES = ("auto", "manual")
_PAGE = 100
_MAX_FIELDS = 20
_MAX_FIELD = 1000


@dataclass(frozen=True)
class GateField:
    """A question that the form of a gated repository asks, as its card says."""

    name: str
    type: str
    options: tuple[str, ...] = ()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The options as a select takes them: value and label."""
        return [(option, option) for option in self.options]


@dataclass(frozen=True)
class Gate:
    """What a gated repository says to who stands before it."""

    heading: str
    prompt: str
    button: str
    fields: tuple[GateField, ...]


@dataclass(frozen=True)
class Asked:
    """A request with the person who made it."""

    request: AccessRequest
    account: AccountRef


def gate_of(repository: Repository) -> Gate:
    """Return the texts and questions of the gate, read from the card."""
    card = repository.card
    fields = card.get("extra_gated_fields")
    named = fields if isinstance(fields, Mapping) else {}
    return Gate(
        heading=_text(card.get("extra_gated_heading")),
        prompt=_text(card.get("extra_gated_prompt") or card.get("extra_gated_description")),
        button=_text(card.get("extra_gated_button_content")),
        fields=tuple(_field(str(name), kind) for name, kind in [*named.items()][:_MAX_FIELDS]),
    )


def _text(value: Any) -> str:
    return value.strip()[:10_000] if isinstance(value, str) else ""


def _field(name: str, kind: Any) -> GateField:
    options: Sequence[Any] = ()
    if isinstance(kind, Mapping):
        found = kind.get("options")
        options = found if isinstance(found, list) else ()
        kind = kind.get("type")
    if kind not in {"text", "checkbox", "select", "date_picker", "country", "ip_location"}:
        kind = "text"
    labels = [str(o.get("label", "") if isinstance(o, Mapping) else o) for o in options[:100]]
    return GateField(name[:200], str(kind), tuple(label[:200] for label in labels if label))


async def set_gate(db: AsyncSession, repository: Repository, gate: str) -> None:
    """Open a repository to everybody who may see it (empty), or set `auto` or `manual`.

    Raises:
        BadRequestError: there is no such gate.
    """
    if gate not in {"", *GATES}:
        raise BadRequestError('"gated" must be one of false, "auto", "manual".')
    repository.gated = gate
    await db.flush()
    emit(db, RepositoryChanged(repository.id))
    log.info("repository_gated", repository_id=repository.id, gate=gate)


async def ask(
    db: AsyncSession, viewer: Viewer, repository: Repository, fields: Mapping[str, str]
) -> AccessRequest:
    """Ask to be let in; an `auto` gate lets in at once.

    Raises:
        ConflictError: the repository is not gated, or the viewer has asked before.
        BadRequestError: a question of the form is not answered.
    """
    user_id = viewer.require_user()
    if not repository.gated:
        raise ConflictError(_("This repository is open; nobody needs to ask."), code="not_gated")
    if await queries.request_of(db, repository.id, user_id, lock=True) is not None:
        raise ConflictError(_("You have asked already."), code="asked_already")
    status = AccessStatus.ACCEPTED if repository.gated == "auto" else AccessStatus.PENDING
    made = AccessRequest(
        repository_id=repository.id,
        user_id=user_id,
        status=status,
        fields=_answers(gate_of(repository), fields),
    )
    db.add(made)
    await db.flush()
    log.info("access_asked", repository_id=repository.id, user_id=user_id, status=status.value)
    return made


def _answers(gate: Gate, given: Mapping[str, str]) -> dict[str, str]:
    answers = {}
    for field in gate.fields:
        value = given.get(field.name, "").strip()[:_MAX_FIELD].replace("\0", "")
        if not value:
            raise BadRequestError(
                _("Please answer: %(field)s") % {"field": field.name}, code="field_missing"
            )
        answers[field.name] = value
    return answers


async def request_of(
    db: AsyncSession, viewer: Viewer, repository: Repository
) -> AccessRequest | None:
    """Return what the viewer asked of a repository, if they did."""
    if viewer.user_id is None:
        return None
    return await queries.request_of(db, repository.id, viewer.user_id)


async def list_requests(
    db: AsyncSession, repository: Repository, status: AccessStatus, cursor: str = ""
) -> Page[Asked]:
    """Return requests of one state, the oldest first; the caller has checked who asks.

    Raises:
        BadRequestError: the cursor is not one of this list.
    """
    after = decode_cursor(cursor, 1)[0] if cursor else 0
    if not isinstance(after, int) or isinstance(after, bool):
        raise BadRequestError(_("This page address does not belong to this list."))
    rows = await queries.requests(db, repository.id, status, after, _PAGE + 1)
    people = await accounts.account_refs(db, [row.user_id for row in rows])
    shown = [Asked(row, people[row.user_id]) for row in rows[:_PAGE] if row.user_id in people]
    following = encode_cursor([rows[_PAGE - 1].id]) if len(rows) > _PAGE else None
    return Page(shown, following)


async def find_request(
    db: AsyncSession, repository: Repository, *, user: str = "", request_id: str = ""
) -> AccessRequest:
    """Return the request of a person, or the one with this id, locked.

    Raises:
        NotFoundError: there is none.
    """
    found = None
    if request_id:
        number = int(request_id, 16) if _is_hex(request_id) else 0
        found = await queries.request_by_id(db, repository.id, number)
    else:
        person = await accounts.find_account(db, user)
        if person is not None:
            found = await queries.request_of(db, repository.id, person.id, lock=True)
    if found is None:
        raise NotFoundError(_("There is no such access request."), code="request_not_found")
    return found


def _is_hex(text: str) -> bool:
    # 15 digits fit into the column.
    digits = text.lstrip("0")
    return len(digits) <= 15 and bool(digits) and all(c in "0123456789abcdef" for c in digits)  # noqa: PLR2004  # said above


async def answer(
    db: AsyncSession,
    viewer: Viewer,
    request: AccessRequest,
    status: AccessStatus,
    reason: str = "",
) -> None:
    """Move a request to another state.

    Raises:
        ConflictError: it is in that state already.
    """
    if request.status is status:
        raise ConflictError(
            _("This request is %(status)s already.") % {"status": status.value},
            code="same_status",
        )
    request.status = status
    request.rejection_reason = reason[:_MAX_FIELD] if status is AccessStatus.REJECTED else ""
    request.handled_at, request.handled_by = now(), viewer.user_id
    await db.flush()
    log.info("access_answered", request_id=request.id, status=status.value)


async def grant(
    db: AsyncSession, viewer: Viewer, repository: Repository, user: str
) -> AccessRequest:
    """Let somebody in who did not ask.

    Raises:
        NotFoundError: there is nobody of this name.
        ConflictError: the repository is not gated, or they asked; answer that instead.
    """
    person = await accounts.find_account(db, user)
    if person is None or person.kind is not AccountKind.USER:
        raise NotFoundError(_("There is nobody of this name."), code="no_such_user")
    if not repository.gated:
        raise ConflictError(_("This repository is open; nobody needs to ask."), code="not_gated")
    if await queries.request_of(db, repository.id, person.id, lock=True) is not None:
        raise ConflictError(
            _("%(user)s has asked already; answer the request.") % {"user": person.name},
            code="asked_already",
        )
    made = AccessRequest(
        repository_id=repository.id,
        user_id=person.id,
        status=AccessStatus.ACCEPTED,
        handled_at=now(),
        handled_by=viewer.user_id,
    )
    db.add(made)
    await db.flush()
    return made
