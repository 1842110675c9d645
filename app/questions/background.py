"""What questions do when something happens elsewhere."""

from app.comments.events import CommentHeld, CommentHidden, CommentReleased
from app.core.events import EventBus
from app.jobs.events import JobEnded
from app.questions.service import note_decision, note_end


def subscribe(events: EventBus) -> None:
    """Follow moderators and workers in the transaction in which they decide and report."""
    events.subscribe_inside(CommentHeld, note_decision)
    events.subscribe_inside(CommentReleased, note_decision)
    events.subscribe_inside(CommentHidden, note_decision)
    events.subscribe_inside(JobEnded, note_end)
