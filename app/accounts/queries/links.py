"""One-time links: every read, and the statement that uses one up."""

from datetime import datetime

from sqlalchemy import delete, select, update

from app.accounts.schemas import LinkPurpose
from app.accounts.tables import (
    AccessToken,
    BannedEmail,
    Ceremony,
    DeviceLogin,
    ExternalIdentity,
    LoginSession,
    OneTimeLink,
    RefreshToken,
    SetupLink,
)
from app.core.clock import now
from app.core.db import AsyncSession


async def link_by_hash(
    db: AsyncSession, purpose: LinkPurpose, token_hash: bytes
) -> OneTimeLink | None:
    """Return the link, used or not."""
    statement = select(OneTimeLink).where(
        OneTimeLink.token_hash == token_hash, OneTimeLink.purpose == purpose
    )
    return await db.scalar(statement)


async def redeem_link(
    db: AsyncSession, purpose: LinkPurpose, token_hash: bytes
) -> OneTimeLink | None:
    """Use the link up; of many who try at once exactly one is given it."""
    statement = (
        update(OneTimeLink)
        .where(
            OneTimeLink.token_hash == token_hash,
            OneTimeLink.purpose == purpose,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > now(),
        )
        .values(used_at=now())
        .returning(OneTimeLink)
    )
    return await db.scalar(statement)


async def close_links(db: AsyncSession, user_id: int, purpose: LinkPurpose) -> None:
    """Let the person's older links of this kind work no more."""
    statement = update(OneTimeLink).where(
        OneTimeLink.user_id == user_id,
        OneTimeLink.purpose == purpose,
        OneTimeLink.used_at.is_(None),
    )
    await db.execute(statement.values(used_at=now()))


async def delete_old_links(db: AsyncSession, before: datetime) -> None:
    """Forget links that ended before this moment."""
    await db.execute(delete(OneTimeLink).where(OneTimeLink.expires_at < before))


async def delete_renewable_tokens(db: AsyncSession, user_id: int) -> None:
    """End the access tokens that programs renew by themselves, and with them their renewal."""
    renewable = select(RefreshToken.token_id)
    await db.execute(
        delete(AccessToken).where(AccessToken.user_id == user_id, AccessToken.id.in_(renewable))
    )


async def delete_other_ways_in(db: AsyncSession, user_id: int) -> None:
    """End access tokens and accounts at other providers, whoever added them."""
    await db.execute(delete(AccessToken).where(AccessToken.user_id == user_id))
    await db.execute(delete(ExternalIdentity).where(ExternalIdentity.user_id == user_id))


async def email_is_banned(db: AsyncSession, email_hash: str) -> bool:
    """Whether this address may not sign up."""
    return await db.get(BannedEmail, email_hash) is not None


async def delete_every_sign_in(db: AsyncSession) -> tuple[int, int]:
    """Forget all sessions, and all links and codes that work once; return how many of each."""
    sessions = await db.execute(delete(LoginSession).returning(LoginSession.id))
    num_sessions = len(sessions.all())
    num_links = 0
    for table in (OneTimeLink, SetupLink, Ceremony, DeviceLogin):
        num_links += len((await db.execute(delete(table).returning(table.id))).all())
    return num_sessions, num_links
