"""What every page of a repository shows around its content, and what its viewer may do there."""

from dataclasses import dataclass

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hub import policy
from app.hub.schemas import Author, RepositoryKind
from app.hub.service import popularity
from app.hub.service.snippets import Snippet, snippets
from app.hub.tables import Repository


@dataclass(frozen=True)
class Frame:
    """A repository on a page, for one viewer."""

    repository: Repository
    viewer: Viewer
    can_write: bool
    can_manage: bool
    can_open: bool
    is_liked: bool
    snippets: list[Snippet]

    @property
    def is_model(self) -> bool:
        """Whether it is a model rather than a data set."""
        return self.repository.kind is RepositoryKind.MODEL

    @property
    def full_name(self) -> str:
        """The `owner/name` that clients use."""
        return f"{self.repository.owner_name}/{self.repository.name}"

    @property
    def url(self) -> str:
        """The address of its page on this site; names hold nothing that needs quoting."""
        return f"/{self.repository.kind.web_prefix}{self.full_name}"

    @property
    def author(self) -> Author:
        """Whom a commit made on a page is written down for."""
        return Author(self.viewer.name, self.viewer.user_id)


async def open_frame(
    db: AsyncSession, viewer: Viewer, repository: Repository, endpoint: str
) -> Frame:
    """Return the frame of a repository the viewer was let into, for the site at `endpoint`."""
    return Frame(
        repository=repository,
        viewer=viewer,
        can_write=await policy.may_write(db, viewer, repository),
        can_manage=await policy.may_administer(db, viewer, repository),
        can_open=await policy.may_open_files(db, viewer, repository),
        is_liked=await popularity.is_liked(db, viewer, repository),
        snippets=snippets(repository, endpoint),
    )
