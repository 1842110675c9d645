"""Second factors and sign-ins under way: every read, and the statements that use things up."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update

from app.accounts.schemas import Step
from app.accounts.tables import Ceremony, ExternalIdentity, Passkey, RecoveryCode, Totp
from app.core.clock import now
from app.core.db import AsyncSession

MAX_PASSKEYS = 25


async def ceremony(db: AsyncSession, step: Step, token_hash: bytes) -> Ceremony | None:
    """Return a sign-in that waits for this step."""
    statement = select(Ceremony).where(
        Ceremony.token_hash == token_hash, Ceremony.step == step, Ceremony.expires_at > now()
    )
    return await db.scalar(statement)


async def take_ceremony(db: AsyncSession, step: Step, token_hash: bytes) -> Ceremony | None:
    """Return a sign-in that waits for this step, and forget it."""
    statement = delete(Ceremony).where(
        Ceremony.token_hash == token_hash, Ceremony.step == step, Ceremony.expires_at > now()
    )
    return await db.scalar(statement.returning(Ceremony))


async def delete_old_ceremonies(db: AsyncSession, before: datetime) -> None:
    """Forget what nobody went on with."""
    await db.execute(delete(Ceremony).where(Ceremony.expires_at < before))


async def totp_of(db: AsyncSession, user_id: int) -> Totp | None:
    """Return the person's authenticator app, confirmed or not."""
    return await db.get(Totp, user_id)


async def use_totp_step(db: AsyncSession, user_id: int, step: int) -> bool:
    """Note that a code of this time step was used; False if it, or a later one, was before."""
    statement = update(Totp).where(Totp.user_id == user_id, Totp.last_step < step)
    return await db.scalar(statement.values(last_step=step).returning(Totp.user_id)) is not None


async def delete_totp(db: AsyncSession, user_id: int) -> None:
    """Forget the person's authenticator app."""
    await db.execute(delete(Totp).where(Totp.user_id == user_id))


async def use_recovery_code(db: AsyncSession, user_id: int, code_hash: str) -> bool:
    """Use a code up; of many who try at once exactly one is told True."""
    statement = update(RecoveryCode).where(
        RecoveryCode.user_id == user_id,
        RecoveryCode.code_hash == code_hash,
        RecoveryCode.used_at.is_(None),
    )
    used = statement.values(used_at=now()).returning(RecoveryCode.id)
    return await db.scalar(used) is not None


async def count_recovery_codes(db: AsyncSession, user_id: int) -> int:
    """Return how many codes still work."""
    statement = select(func.count()).where(
        RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
    )
    return int(await db.scalar(statement) or 0)


async def delete_recovery_codes(db: AsyncSession, user_id: int) -> None:
    """Forget the person's codes, used ones too."""
    await db.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


async def passkeys_of(db: AsyncSession, user_id: int) -> Sequence[Passkey]:
    """Return the person's passkeys, the oldest first."""
    statement = select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)
    return (await db.scalars(statement.limit(MAX_PASSKEYS))).all()


async def passkey_by_credential(db: AsyncSession, credential_id: bytes) -> Passkey | None:
    """Return the passkey that a device names, locked while its counter moves."""
    statement = select(Passkey).where(Passkey.credential_id == credential_id)
    return await db.scalar(statement.with_for_update())


async def passkey_by_id(db: AsyncSession, user_id: int, passkey_id: int) -> Passkey | None:
    """Return one of the person's own passkeys."""
    statement = select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id)
    return await db.scalar(statement)


async def delete_passkeys(db: AsyncSession, user_id: int) -> None:
    """Forget all of the person's passkeys."""
    await db.execute(delete(Passkey).where(Passkey.user_id == user_id))


async def identity(db: AsyncSession, issuer: str, subject: str) -> ExternalIdentity | None:
    """Return whose account at another provider this is."""
    statement = select(ExternalIdentity).where(
        ExternalIdentity.issuer == issuer, ExternalIdentity.subject == subject
    )
    return await db.scalar(statement)


async def identities_of(db: AsyncSession, user_id: int) -> Sequence[ExternalIdentity]:
    """Return the accounts at other providers that sign the person in."""
    statement = select(ExternalIdentity).where(ExternalIdentity.user_id == user_id)
    return (await db.scalars(statement.order_by(ExternalIdentity.id).limit(50))).all()


async def identity_by_id(
    db: AsyncSession, user_id: int, identity_id: int
) -> ExternalIdentity | None:
    """Return one of the person's own accounts at other providers."""
    statement = select(ExternalIdentity).where(
        ExternalIdentity.id == identity_id, ExternalIdentity.user_id == user_id
    )
    return await db.scalar(statement)
