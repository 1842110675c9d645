"""What the post room does for the rest of the site."""

from app.mail.service.delivery import check_address, check_server, is_address, is_on, send_due
from app.mail.service.outbox import (
    PAGE,
    enqueue,
    forget_address,
    is_suppressed,
    letters_page,
    letters_to,
    lift_suppression,
    suppressed_page,
    tidy,
    try_again,
    waiting,
    waiting_since,
)
from app.mail.service.writing import compose

__all__ = [
    "PAGE",
    "check_address",
    "check_server",
    "compose",
    "enqueue",
    "forget_address",
    "is_address",
    "is_on",
    "is_suppressed",
    "letters_page",
    "letters_to",
    "lift_suppression",
    "send_due",
    "suppressed_page",
    "tidy",
    "try_again",
    "waiting",
    "waiting_since",
]
