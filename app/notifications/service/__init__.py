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
from app.notifications.service.making import (
    TalkEvent,
    edit_news,
    job_news,
    repository_news,
    talk_news,
)
from app.notifications.service.sources.asking import QUESTION
from app.notifications.service.sources.badges import BADGE
from app.notifications.service.sources.limits import LIMIT
from app.notifications.service.sources.naming import news_of_edit
from app.notifications.service.sources.reports import REPORTS
from app.notifications.service.sources.talks import REPOSITORY, TALK
from app.notifications.service.sources.works import JOB, TUTORIAL
from app.notifications.service.streams import Stream, Streams
from app.notifications.service.telling import record, take, tell_again, tell_some
from app.notifications.service.unsubscribing import Subscription, end, subscription

__all__ = [
    "BADGE",
    "JOB",
    "LIMIT",
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
    "TalkEvent",
    "choices",
    "choose",
    "count",
    "edit_news",
    "end",
    "erase_person",
    "follow",
    "forget_old",
    "job_news",
    "ledger_page",
    "mail_digests",
    "mail_instant",
    "mark",
    "news_of_edit",
    "parse_target",
    "place",
    "places",
    "record",
    "repositories",
    "repository_news",
    "say",
    "single_page",
    "subscription",
    "take",
    "talk_news",
    "tell_again",
    "tell_some",
    "threads_page",
    "undo",
]
