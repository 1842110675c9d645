"""Forgetting a person who has left: private repositories go, public ones stay, nameless."""

from app.accounts.service import Gone
from app.core.db import AsyncSession
from app.core.events import emit
from app.hub.events import RepositoryChanged
from app.hub.queries import erasing as queries
from app.hub.service.cards import write_search_text
from app.hub.service.repositories import delete_repository

_AT_ONCE = 100


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget what the hub knows of a person.

    What stands inside git objects stays: their ids are made of it.
    """
    after = 0
    while found := await queries.some_repositories_of(db, gone.user_id, after, _AT_ONCE):
        for repository in found:
            after = repository.id
            if repository.private:
                await delete_repository(db, repository)
                continue
            repository.owner_name = gone.new_name
            write_search_text(repository)
            emit(db, RepositoryChanged(repository.id))
        await db.flush()
    await queries.delete_redirects_of(db, gone.old_name.casefold())
    email = gone.email if gone.email_proved else None
    await queries.rename_author(db, gone.user_id, email, gone.new_name)
    await queries.delete_access_requests(db, gone.user_id)
