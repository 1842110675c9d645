"""Every table of the site, imported for their side effect on `Base.metadata`; nothing else."""

from app.accounts import tables as accounts
from app.admin import tables as admin
from app.badges import tables as badges
from app.bounties import tables as bounties
from app.buckets import tables as buckets
from app.claims import tables as claims
from app.collections import tables as collections
from app.comments import tables as comments
from app.comparisons import tables as comparisons
from app.core import audit, rate_limit
from app.core.db import Base
from app.core.runtime import tables as runtime
from app.datasets import tables as datasets
from app.discussions import tables as discussions
from app.hub import tables as hub
from app.imports import tables as imports
from app.jobs import tables as jobs
from app.ledger import tables as ledger
from app.mail import tables as mail
from app.moderation import tables as moderation
from app.notifications import tables as notifications
from app.playground import tables as playground
from app.questions import tables as questions
from app.quotas import tables as quotas
from app.reputation import tables as reputation
from app.search import tables as search
from app.sweeps import tables as sweeps
from app.tutorials import tables as tutorials
from app.webhooks import tables as webhooks

__all__ = [
    "Base",
    "accounts",
    "admin",
    "audit",
    "badges",
    "bounties",
    "buckets",
    "claims",
    "collections",
    "comments",
    "comparisons",
    "datasets",
    "discussions",
    "hub",
    "imports",
    "jobs",
    "ledger",
    "mail",
    "moderation",
    "notifications",
    "playground",
    "questions",
    "quotas",
    "rate_limit",
    "reputation",
    "runtime",
    "search",
    "sweeps",
    "tutorials",
    "webhooks",
]
