"""Letters about one's own account, in the reader's language."""

from app.accounts.queries import Person
from app.accounts.schemas import Site
from app.core.db import AsyncSession
from app.mail import service as mail


async def send_link(
    db: AsyncSession, site: Site, found: Person, what: str, path: str, to: str = ""
) -> None:
    """Write a letter with a link; `what` says which one. Nothing where the site sends none."""
    if site.sends_letters:
        letter = mail.compose(
            "account_link",
            to or found.user.email,
            language=found.user.language,
            site_url=site.url,
            name=found.account.name,
            what=what,
            link=f"{site.url}{path}",
        )
        await mail.enqueue(db, letter)


async def tell(
    db: AsyncSession,
    site: Site,
    found: Person,
    what: str,
    to: str = "",
    *,
    is_last: bool = False,
    **details: object,
) -> None:
    """Tell a person what happened to their account. Nothing where the site sends no letters."""
    if site.sends_letters:
        letter = mail.compose(
            "account_news",
            to or found.user.email,
            language=found.user.language,
            is_last=is_last,
            site_url=site.url,
            name=found.account.name,
            what=what,
            details=details,
        )
        await mail.enqueue(db, letter)
