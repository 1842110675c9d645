"""What notifications do for pages, the API and the loops."""

from app.notifications.service.choices import (
    Place,
    choices,
    choose,
    parse_target,
    place,
    places,
    say,
)
from app.notifications.service.erasing import erase_person
from app.notifications.service.inbox import (
    PAGE,
    Count,
    count,
    follow,
    mark,
    repositories,
    single_page,
    threads_page,
    undo,
)
from app.notifications.service.ledger import forget_old, ledger_page
from app.notifications.service.mailing import mail_digests, mail_instant
from app.notifications.service.sources.asking import QUESTION
from app.notifications.service.sources.reports import REPORTS
from app.notifications.service.sources.talks import REPOSITORY, TALK
from app.notifications.service.sources.works import JOB, TUTORIAL
from app.notifications.service.streams import Stream, Streams
from app.notifications.service.telling import record, take, tell_again, tell_some
from app.notifications.service.unsubscribing import Subscription, end, subscription

__all__ = [
    "JOB",
    "PAGE",
    "QUESTION",
    "REPORTS",
    "REPOSITORY",
    "TALK",
    "TUTORIAL",
    "Count",
    "Place",
    "Stream",
    "Streams",
    "Subscription",
    "choices",
    "choose",
    "count",
    "end",
    "erase_person",
    "follow",
    "forget_old",
    "ledger_page",
    "mail_digests",
    "mail_instant",
    "mark",
    "parse_target",
    "place",
    "places",
    "record",
    "repositories",
    "say",
    "single_page",
    "subscription",
    "take",
    "tell_again",
    "tell_some",
    "threads_page",
    "undo",
]
