"""What tutorials do when something happens elsewhere."""

from app.comments.events import CommentReleased
from app.core.events import EventBus
from app.jobs.events import JobBegun
from app.tutorials.service.family import note_begun
from app.tutorials.service.talking import note_release


def subscribe(events: EventBus) -> None:
    """Follow moderators and who begins jobs in the transaction in which they do it."""
    events.subscribe_inside(CommentReleased, note_release)
    events.subscribe_inside(JobBegun, note_begun)
