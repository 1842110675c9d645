"""The site: every feature's routes, subscribers and background work in one application.

Only this module, `tables.py` and `cli.py` know every feature. `create_app` is what uvicorn runs.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from app.accounts import api as accounts_api
from app.accounts import background as accounts_background
from app.accounts import pages as accounts_pages
from app.accounts.service import Eraser, authenticate
from app.admin import api as admin_api
from app.admin import background as admin_background
from app.admin import pages as admin_pages
from app.badges import api as badges_api
from app.badges import background as badges_background
from app.badges import pages as badges_pages
from app.badges import service as badges
from app.bounties import api as bounties_api
from app.bounties import background as bounties_background
from app.bounties import pages as bounties_pages
from app.buckets import pages as buckets_pages
from app.claims import api as claims_api
from app.claims import pages as claims_pages
from app.collections import pages as collections_pages
from app.comments import pages as comments_pages
from app.comparisons import api as comparisons_api
from app.comparisons import pages as comparisons_pages
from app.comparisons import service as comparisons
from app.core import health, runtime
from app.core.assets import Assets
from app.core.db import Database, Limits, Newcomers, Quotas
from app.core.events import EventBus
from app.core.files import resource_dir
from app.core.http import Authenticator
from app.core.logging import configure_logging
from app.core.middleware import ContextMiddleware, GuardMiddleware, RawPathMiddleware
from app.core.modes import ModeMiddleware
from app.core.queue import Doorbell
from app.core.request_limits import Buckets, RequestLimitMiddleware, share
from app.core.request_times import NoteRouteMiddleware, RequestTimes, RequestTimesMiddleware
from app.core.runtime import Runtime
from app.core.settings import Settings, get_settings
from app.core.storage import open_storage
from app.core.wakeups import Wakeups
from app.core.web_errors import install_error_handlers
from app.datasets import api as datasets_api
from app.datasets import pages as datasets_pages
from app.discussions import background as discussions_background
from app.discussions import pages as discussions_pages
from app.githost import api as githost_api
from app.hfapi import api as hfapi
from app.home import pages as home_pages
from app.hub import api as hub_api
from app.hub import background as hub_background
from app.hub import pages as hub_pages
from app.hub import service as hub
from app.hub.service import xet_trails
from app.imports import api as imports_api
from app.imports import background as imports_background
from app.imports import bundles_api
from app.imports import pages as imports_pages
from app.imports import service as imports
from app.jobs import background as jobs_background
from app.jobs import pages as jobs_pages
from app.jobs.api import router as jobs_api
from app.jobs.service import job_tokens
from app.mail import background as mail_background
from app.metrics import api as metrics_api
from app.metrics.service import SiteNumbers
from app.moderation import api as moderation_api
from app.moderation import background as moderation_background
from app.moderation import pages as moderation_pages
from app.moderation import service as moderation
from app.notifications import api as notifications_api
from app.notifications import background as notifications_background
from app.notifications import pages as notifications_pages
from app.notifications import service as notifications
from app.notifications.service import Streams, feed_keys
from app.playground import api as playground_api
from app.playground import pages as playground_pages
from app.questions import api as questions_api
from app.questions import background as questions_background
from app.questions import pages as questions_pages
from app.questions import service as questions
from app.quotas import api as quotas_api
from app.quotas import background as quotas_background
from app.quotas import pages as quotas_pages
from app.search import api as search_api
from app.search import background as search_background
from app.search import pages as search_pages
from app.search import service as search
from app.selection import api as selection_api
from app.selection import pages as selection_pages
from app.sweeps import api as sweeps_api
from app.sweeps import background as sweeps_background
from app.sweeps import pages as sweeps_pages
from app.tutorials import api as tutorials_api
from app.tutorials import background as tutorials_background
from app.tutorials import pages as tutorial_pages
from app.tutorials import service as tutorials
from app.webhooks import background as webhooks_background
from app.webhooks import pages as webhooks_pages
from app.webhooks import service as webhooks

BackgroundTask = Callable[[FastAPI], Awaitable[None]]


def routers() -> list[APIRouter]:
    """Return every router, the catch-all addresses (`/{owner}/{name}`) last."""
    return [
        health.router,
        metrics_api.router,
        accounts_api.router,
        accounts_pages.router,
        tutorials_api.router,
        tutorial_pages.router,
        badges_api.router,
        badges_pages.router,
        bounties_api.router,
        bounties_pages.router,
        questions_api.router,
        questions_pages.router,
        comments_pages.router,
        comparisons_api.router,
        comparisons_pages.router,
        datasets_api.router,
        jobs_api,
        jobs_pages.router,
        sweeps_api.router,
        sweeps_pages.router,
        selection_api.router,
        selection_pages.router,
        playground_api.router,
        playground_pages.router,
        imports_api.router,
        bundles_api.router,
        imports_pages.router,
        home_pages.router,
        datasets_pages.router,
        collections_pages.router,
        buckets_pages.router,
        claims_api.router,
        claims_pages.router,
        discussions_pages.router,
        webhooks_pages.router,
        notifications_api.router,
        notifications_pages.router,
        moderation_api.router,
        moderation_pages.router,
        quotas_api.router,
        quotas_pages.router,
        search_api.router,
        search_pages.router,
        admin_api.router,
        admin_pages.router,
        hub_api.router,
        hfapi.router,
        hfapi.repository_router,
        githost_api.router,
        hub_pages.router,
    ]


@lru_cache
def _routes() -> list[BaseRoute]:
    # What a route depends on is worked out anew for every place its router is included in, half a
    # second for all of them: once a process is enough, however many applications it makes.
    together = APIRouter()
    for router in routers():
        together.include_router(router)
    return together.routes


def authenticators() -> list[Authenticator]:
    """Return who may recognise a credential, in the order they are asked."""
    return [job_tokens.authenticate, authenticate, feed_keys.authenticate]


def background_tasks() -> list[BackgroundTask]:
    """Return what runs beside the requests for as long as the process lives."""
    return [
        _share_limits,
        runtime.run_runtime,
        accounts_background.run_erasures,
        badges_background.run_badges,
        bounties_background.run_settling,
        admin_background.run_probes,
        hub_background.run_sweeper,
        hub_background.run_counters,
        imports_background.run_imports,
        jobs_background.run_sweeper,
        jobs_background.run_wakeups,
        mail_background.run_outbox,
        notifications_background.run_mailing,
        notifications_background.run_streams,
        notifications_background.run_sweeper,
        notifications_background.run_telling,
        quotas_background.run_recount,
        search_background.run_indexer,
        sweeps_background.run_sweeps,
        tutorials_background.run_checks,
        webhooks_background.run_deliveries,
    ]


def erasers() -> list[Eraser]:
    """Return who forgets what about a person who has left, the upper features first."""
    return [
        search.erase_person,
        notifications.erase_person,
        moderation.erase_person,
        webhooks.erase_person,
        badges.erase_person,
        questions.erase_person,
        comparisons.erase_person,
        tutorials.erase_person,
        imports.erase_person,
        hub.erase_person,
    ]


def subscribe(events: EventBus, app: FastAPI) -> None:
    """Connect each feature's news with the features above it that want to hear it."""
    mail_background.subscribe(events, app.state.letters_queued)
    admin_background.subscribe(events, app)
    discussions_background.subscribe(events, app.state.database)
    questions_background.subscribe(events)
    tutorials_background.subscribe(events, app.state.database)
    moderation_background.subscribe(events, app)
    imports_background.subscribe(events, app.state.wakeups)
    webhooks_background.subscribe(events, app)
    notifications_background.subscribe(events, app)
    hub_background.subscribe(events, app.state.database, app.state.storage)
    sweeps_background.subscribe(events, app.state.wakeups)
    jobs_background.subscribe(events, app.state.doorbell, app.state.wakeups)
    search_background.subscribe(events, app.state.search_news)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    running = [asyncio.create_task(_named(task, app)) for task in background_tasks()]
    yield
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await app.state.doorbell.close()
    await app.state.storage.close()
    await app.state.database.close()


async def _share_limits(app: FastAPI) -> None:
    await share(app.state.buckets, app.state.settings.broker_url)


async def _named(task: BackgroundTask, app: FastAPI) -> None:
    await task(app)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application for `settings`; nothing is connected to before the first request."""
    settings = settings or get_settings()
    configure_logging(settings.log_level, settings.log_format)
    app = FastAPI(
        title="Tuningfork",
        summary="Share pretrained models and data sets, and fine-tune them.",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.database = Database(settings.database_url, EventBus(), limits=_limits(settings))
    app.state.runtime = Runtime(settings)
    app.state.database.obey(app.state.runtime)
    app.state.runtime.hear(_hearer(app))
    app.state.storage = open_storage(settings)
    app.state.xet_trails = xet_trails.Trails()
    app.state.doorbell = Doorbell(settings.broker_url)
    app.state.wakeups = Wakeups(settings.broker_url)
    app.state.buckets = Buckets()
    app.state.times = RequestTimes()
    app.state.site_numbers = SiteNumbers()
    app.state.authenticators = authenticators()
    app.state.search_news = asyncio.Event()
    app.state.letters_queued = asyncio.Event()
    app.state.erasers = erasers()
    app.state.streams = Streams(app.state.database, app.state.wakeups)
    subscribe(app.state.database.events, app)
    install_error_handlers(app)
    app.mount("/static", Assets(directory=resource_dir("static")), name="static")
    app.router.routes.extend(_routes())
    _add_middleware(app, settings)
    return app


def _hearer(app: FastAPI) -> Callable[[Settings], None]:
    def take_over(settings: Settings) -> None:
        app.state.settings = settings
        app.state.database.keep_to(_limits(settings))

    return take_over


def _limits(settings: Settings) -> Limits:
    return Limits(quotas=_quotas(settings), newcomers=_newcomers(settings))


def _quotas(settings: Settings) -> Quotas:
    return Quotas(
        bytes=settings.account_bytes,
        files=settings.account_files,
        repositories=settings.account_repositories,
        queued_jobs=settings.queued_jobs,
        running_jobs=settings.running_jobs,
        gpu_seconds=round(settings.gpu_hours * 3600),
        streams=settings.event_streams,
    )


def _newcomers(settings: Settings) -> Newcomers:
    return Newcomers(
        hours=settings.newcomer_hours,
        accepted_posts=settings.newcomer_posts,
        topics=settings.newcomer_topics,
        replies=settings.newcomer_replies,
        topic_every_s=settings.newcomer_topic_every_s,
        reply_every_s=settings.newcomer_reply_every_s,
        links=settings.newcomer_links,
        images=settings.newcomer_images,
        mentions=settings.newcomer_mentions,
        typing_s=settings.newcomer_typing_s,
        flags_to_hold=settings.reports_to_hold,
    )


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    # The last one added is the first one a request meets.
    app.add_middleware(NoteRouteMiddleware)
    app.add_middleware(RawPathMiddleware)
    app.add_middleware(ModeMiddleware)
    app.add_middleware(RequestLimitMiddleware, buckets=app.state.buckets)
    app.add_middleware(GuardMiddleware, allowed_hosts=settings.hosts)
    app.add_middleware(ContextMiddleware, files_origin=app.state.storage.origin)
    app.add_middleware(RequestTimesMiddleware, times=app.state.times)
