"""Access tokens: credentials for programs, shown once and kept as a hash."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import IntegrityError

from app.accounts import queries
from app.accounts.schemas import DEFAULT_TOKEN_DAYS, ROLE_SCOPES, TokenRole
from app.accounts.tables import AccessToken
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, ForbiddenError, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.security import ALL_SCOPES, Scope, new_token, token_hash

log = structlog.get_logger(__name__)

PREFIX = "tf"


async def create_token(
    db: AsyncSession,
    user_id: int,
    name: str,
    scopes: TokenRole | Collection[Scope] = TokenRole.READ,
    expires_at: datetime | None = None,
    *,
    granted: frozenset[Scope] = ALL_SCOPES,
) -> str:
    """Make a token and return its secret, which cannot be had again.

    `scopes` is a role, or the scopes of a fine-grained token; without `expires_at` it ends after
    90 days, for there are no tokens without an end. It never allows more than `granted`, which is
    what the credential of the one who asks allows.

    Raises:
        InvalidError: the name is empty or no scope is given.
        ForbiddenError: the token would allow more than its maker's own credential.
        ConflictError: there is a token of this name already.
    """
    role = scopes if isinstance(scopes, TokenRole) else TokenRole.FINE_GRAINED
    wanted = ROLE_SCOPES[scopes] if isinstance(scopes, TokenRole) else frozenset(scopes)
    _check(name, wanted, granted)
    secret = new_token(PREFIX)
    token = AccessToken(
        user_id=user_id,
        name=name,
        token_hash=token_hash(secret),
        role=role,
        scopes=sorted(scope.value for scope in wanted),
        expires_at=expires_at or now() + timedelta(days=DEFAULT_TOKEN_DAYS),
    )
    try:
        async with db.begin_nested():
            db.add(token)
    except IntegrityError as error:
        problem = _("You have a token of this name already.")
        raise ConflictError(problem, details=[Detail("name", problem)]) from error
    log.info("token_created", user_id=user_id, token_id=token.id, scopes=token.scopes)
    return secret


def _check(name: str, wanted: frozenset[Scope], granted: frozenset[Scope]) -> None:
    if not name.strip():
        problem = _("Give the token a name, so that you know it again.")
        raise InvalidError(problem, details=[Detail("name", problem)])
    if not wanted:
        problem = _("Choose at least one scope.")
        raise InvalidError(problem, details=[Detail("scopes", problem)])
    if not wanted <= granted:
        raise ForbiddenError(
            _("A token cannot allow more than the credential that makes it."),
            fix=_("Choose fewer scopes."),
            code="missing_scope",
        )


def parse_scopes(words: str) -> TokenRole | frozenset[Scope]:
    """Read `read`, `write`, `all`, or scope names separated by commas, as the CLI takes them.

    Raises:
        InvalidError: a word is none of these; the message lists them.
    """
    if words in {TokenRole.READ.value, TokenRole.WRITE.value}:
        return TokenRole(words)
    if words == "all":
        return ALL_SCOPES
    known = {scope.value for scope in Scope}
    named = {word.strip() for word in words.split(",")}
    if not named <= known:
        choices = ", ".join(["read", "write", "all", *sorted(known)])
        problem = _("Choose scopes from: %(choices)s.") % {"choices": choices}
        raise InvalidError(problem, details=[Detail("scopes", problem)])
    return frozenset(Scope(word) for word in named)


async def tokens_of(db: AsyncSession, user_id: int) -> Sequence[AccessToken]:
    """Return the person's tokens, the newest first."""
    return await queries.access_tokens_of(db, user_id)


async def revoke_token(db: AsyncSession, user_id: int, token_id: int) -> None:
    """End a token at once.

    Raises:
        NotFoundError: the person has no such token.
    """
    if not await queries.delete_access_token(db, user_id, token_id):
        raise NotFoundError(_("You have no such token."))
    log.info("token_revoked", user_id=user_id, token_id=token_id)
