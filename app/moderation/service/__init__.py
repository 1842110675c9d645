"""What moderation does for the rest of the site; other features call these and nothing deeper."""

from app.moderation.service.acting import pardon, person_id, punish
from app.moderation.service.appealing import (
    OpenAppeal,
    appeal,
    decide_appeal,
    fits,
    key_of,
    open_appeals,
)
from app.moderation.service.deciding import decide
from app.moderation.service.erasing import erase_person
from app.moderation.service.letters import write as write_letter
from app.moderation.service.log import acts_against, public_log, views
from app.moderation.service.purging import purge, undo
from app.moderation.service.queue import claim, give_back, list_items, num_open
from app.moderation.service.queue import views as item_views
from app.moderation.service.reporting import report, reported, reports_by, reports_of
from app.moderation.service.scoring import check_scorer
from app.moderation.service.watching import look_at

__all__ = [
    "OpenAppeal",
    "acts_against",
    "appeal",
    "check_scorer",
    "claim",
    "decide",
    "decide_appeal",
    "erase_person",
    "fits",
    "give_back",
    "item_views",
    "key_of",
    "list_items",
    "look_at",
    "num_open",
    "open_appeals",
    "pardon",
    "person_id",
    "public_log",
    "punish",
    "purge",
    "report",
    "reported",
    "reports_by",
    "reports_of",
    "undo",
    "views",
    "write_letter",
]
