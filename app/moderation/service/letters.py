"""Letters to those whom a decision concerns."""

from app.accounts import service as accounts
from app.core.db import AsyncSession
from app.core.errors import NotFoundError
from app.core.settings import Settings
from app.mail import service as mail
from app.moderation import queries
from app.moderation.schemas import APPEALABLE, ActKind
from app.moderation.service.appealing import key_of

# To let something stand is no news for who wrote it.
_UNTOLD = {ActKind.KEPT, ActKind.REOPENED}


async def write(db: AsyncSession, settings: Settings, act_id: int) -> None:
    """Hand in a letter about an act to whom it concerns: why, until when, and where to appeal."""
    act = await queries.act(db, act_id)
    if act is None or act.account_id in {None, act.by_id} or act.kind in _UNTOLD:
        return
    if not mail.is_on(settings):
        return
    try:
        person = await accounts.person(db, act.account_id or 0)
    except NotFoundError:
        return  # an organisation
    if person.user.email_confirmed_at is None:
        return  # perhaps a stranger's address
    site = (settings.site_url or f"http://{settings.host}:{settings.port}").rstrip("/")
    key = key_of(settings.secret_key.get_secret_value(), act.id)
    letter = mail.compose(
        "moderation_act",
        person.user.email,
        language=person.user.language,
        dedupe_key=f"moderation-act:{act.id}",
        site_url=site,
        name=person.account.name,
        what=act.kind.value,
        reason=act.reason,
        until=f"{act.until:%Y-%m-%d %H:%M} UTC" if act.until else "",
        appeal=f"{site}/moderation/appeal/{act.id}/{key}" if act.kind in APPEALABLE else "",
    )
    await mail.enqueue(db, letter)
