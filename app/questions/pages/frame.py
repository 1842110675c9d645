"""What every page of questions needs to be shown, refused and left."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse

from app.core.db import AsyncSession
from app.core.errors import AppError
from app.core.http import Anybody, CommunityWriter, Db
from app.core.markdown import Links
from app.core.security import Viewer
from app.core.templating import render

# `@name` and `#job-12` in posts lead somewhere.
LINKS = Links(people="/")


@dataclass(frozen=True)
class Desk:
    """Who looks at or writes questions, and what is needed to answer them."""

    request: Request
    db: AsyncSession
    viewer: Viewer

    @property
    def is_fragment(self) -> bool:
        """Whether only a part of the page is asked for."""
        return self.request.headers.get("hx-request") == "true"

    def show(
        self, template: str, *, problem: AppError | None = None, **context: Any
    ) -> HTMLResponse:
        """Return a page; what went wrong stands in it, fields by their names."""
        return render(
            self.request,
            template,
            viewer=self.viewer,
            status=problem.status if problem else 200,
            error=problem.message if problem else "",
            fix=problem.fix if problem else "",
            errors={one.path: one.message for one in problem.details} if problem else {},
            **context,
        )


async def _reading(request: Request, db: Db, viewer: Anybody) -> Desk:
    return Desk(request, db, viewer)


async def _writing(request: Request, db: Db, viewer: CommunityWriter) -> Desk:
    return Desk(request, db, viewer)


ReadDesk = Annotated[Desk, Depends(_reading)]
WriteDesk = Annotated[Desk, Depends(_writing)]


def see(address: str, *, moved: bool = False) -> RedirectResponse:
    """Send the browser on: to the result of what it posted, or to where a page is for good."""
    code = status.HTTP_301_MOVED_PERMANENTLY if moved else status.HTTP_303_SEE_OTHER
    return RedirectResponse(address, code)
