"""Hearing of what people write, in the transaction that writes it."""

from fastapi import FastAPI

from app.comments.events import CommentWritten
from app.core.db import AsyncSession
from app.core.events import EventBus
from app.moderation import service
from app.moderation.events import ModeratorActed


def subscribe(events: EventBus, app: FastAPI) -> None:
    """Look at every post before anybody else is told of it."""
    service.check_scorer(app.state.settings)

    async def look(db: AsyncSession, event: CommentWritten) -> None:
        await service.look_at(db, app.state.settings, event)

    async def tell(db: AsyncSession, event: ModeratorActed) -> None:
        await service.write_letter(db, app.state.settings, event.act_id)

    events.subscribe_inside(CommentWritten, look)
    events.subscribe_inside(ModeratorActed, tell)
