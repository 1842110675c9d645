"""From what happened to what is told: the payload of version 3, one outbox row a webhook."""

import secrets
from datetime import timedelta
from typing import Any

import structlog

from app.comments.schemas import CommentView
from app.core.clock import now
from app.core.db import AsyncSession
from app.core.settings import Settings
from app.discussions.schemas import DiscussionView
from app.hub.events import RepositoryDeleted
from app.hub.service import Repository
from app.webhooks import policy, queries
from app.webhooks.schemas import DAILY_LIMIT, Domain, News, WatchedKind
from app.webhooks.tables import Delivery

log = structlog.get_logger(__name__)


def repository_news(
    settings: Settings, repository: Repository, action: str, scope: str, **extra: Any
) -> News:
    """Return news of a repository that is there; `extra` is added to the payload."""
    payload = {
        "event": {"action": action, "scope": scope},
        "repo": _repository(settings, repository),
        **extra,
    }
    return News(
        Domain.REPO,
        action,
        scope,
        repository.id,
        repository.owner_id,
        repository.private,
        payload,
    )


def gone_news(settings: Settings, gone: RepositoryDeleted) -> News:
    """Return the news that a repository was deleted."""
    payload = {
        "event": {"action": "delete", "scope": "repo"},
        "repo": {
            "type": gone.kind.value,
            "name": gone.full_name,
            "id": f"{gone.repository_id:024x}",
            "private": gone.private,
            "url": _addresses(settings, gone.kind.web_prefix, gone.kind.plural, gone.full_name),
            "owner": {"id": f"{gone.owner_id:024x}"},
        },
    }
    return News(
        Domain.REPO, "delete", "repo", gone.repository_id, gone.owner_id, gone.private, payload
    )


def discussion_news(
    settings: Settings,
    repository: Repository,
    action: str,
    discussion: DiscussionView,
    comment: CommentView | None = None,
) -> News:
    """Return news of a discussion, or of a comment in it."""
    scope = "discussion.comment" if comment else "discussion"
    told = repository_news(settings, repository, action, scope)
    web = f"{told.payload['repo']['url']['web']}/discussions/{discussion.num}"
    told.payload["discussion"] = {
        "id": f"{discussion.id:024x}",
        "num": discussion.num,
        "title": discussion.title,
        "status": discussion.status.value,
        "isPullRequest": discussion.is_pull_request,
        "pinned": discussion.pinned,
        "author": {"id": f"{discussion.author_id or 0:024x}"},
        "url": {
            "web": web,
            "api": f"{told.payload['repo']['url']['api']}/discussions/{discussion.num}",
        },
    }
    if discussion.is_pull_request:
        told.payload["discussion"]["changes"] = {
            "base": "refs/heads/main",
            "mergeCommitId": discussion.merge_oid or None,
        }
    if comment is not None:
        told.payload["comment"] = {
            "id": f"{comment.id:024x}",
            "author": {"id": f"{comment.author_id or 0:024x}"},
            "content": None if comment.is_hidden else comment.body,
            "hidden": comment.is_hidden,
            "url": {"web": f"{web}#{comment.id:024x}"},
        }
    return News(
        Domain.DISCUSSION,
        action,
        scope,
        repository.id,
        repository.owner_id,
        repository.private,
        told.payload,
    )


def _repository(settings: Settings, repository: Repository) -> dict[str, Any]:
    name = f"{repository.owner_name}/{repository.name}"
    return {
        "type": repository.kind.value,
        "name": name,
        "id": f"{repository.id:024x}",
        "private": repository.private,
        "url": _addresses(settings, repository.kind.web_prefix, repository.kind.plural, name),
        "headSha": repository.head,
        "tags": list(repository.tags),
        "owner": {"id": f"{repository.owner_id:024x}"},
    }


def _addresses(settings: Settings, prefix: str, plural: str, name: str) -> dict[str, str]:
    """No request stands behind a message: without a public address the bound one is told."""
    site = (settings.site_url or f"http://{settings.host}:{settings.port}").rstrip("/")
    return {"web": f"{site}/{prefix}{name}", "api": f"{site}/api/{plural}/{name}"}


async def publish(db: AsyncSession, news: News) -> int:
    """Write a message for every webhook that watches and may know; return how many."""
    targets = [
        (WatchedKind.USER, news.owner_id),
        (WatchedKind.ORGANIZATION, news.owner_id),
        (WatchedKind(news.payload["repo"]["type"]), news.repository_id),
    ]
    event_id, written = secrets.token_hex(16), 0
    for webhook in await queries.webhooks_watching(db, news.domain, targets):
        if not await policy.may_hear(
            db, webhook, news.repository_id, news.owner_id, private=news.private
        ):
            continue
        day_ago = now() - timedelta(days=1)
        if await queries.count_since(db, webhook.id, day_ago) >= DAILY_LIMIT:
            log.warning("webhook_over_daily_limit", webhook_id=webhook.id)
            continue
        db.add(
            Delivery(
                webhook_id=webhook.id,
                event_id=event_id,
                repository_id=news.repository_id,
                owner_id=news.owner_id,
                private=news.private,
                action=news.action,
                scope=news.scope,
                payload=news.payload,
            )
        )
        written += 1
    await db.flush()
    return written
