"""What tutorials do when something happens elsewhere."""

from app.comments.events import CommentReleased
from app.core.events import EventBus
from app.tutorials.service.talking import note_release


def subscribe(events: EventBus) -> None:
    """Follow the moderators in the transaction in which they decide."""
    events.subscribe_inside(CommentReleased, note_release)
