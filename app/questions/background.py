"""What questions do when something happens elsewhere."""

from app.comments.events import CommentHeld, CommentHidden, CommentReleased
from app.core.events import EventBus
from app.questions.service import note_decision


def subscribe(events: EventBus) -> None:
    """Follow the moderators in the transaction in which they decide."""
    events.subscribe_inside(CommentHeld, note_decision)
    events.subscribe_inside(CommentReleased, note_decision)
    events.subscribe_inside(CommentHidden, note_decision)
