"""What webhooks do; pages and the protocol call these and nothing deeper."""

from app.webhooks.service.delivery import deliver_due, replay
from app.webhooks.service.erasing import erase_person
from app.webhooks.service.news import discussion_news, gone_news, publish, repository_news
from app.webhooks.service.upkeep import (
    change_webhook,
    create_webhook,
    delete_webhook,
    deliveries_of,
    forget_old,
    set_disabled,
    view,
    webhooks_of,
)

__all__ = [
    "change_webhook",
    "create_webhook",
    "delete_webhook",
    "deliver_due",
    "deliveries_of",
    "discussion_news",
    "erase_person",
    "forget_old",
    "gone_news",
    "publish",
    "replay",
    "repository_news",
    "set_disabled",
    "view",
    "webhooks_of",
]
