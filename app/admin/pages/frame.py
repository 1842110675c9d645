"""What the pages of administrators have in common."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette import status

from app.admin import policy
from app.admin.service.words import described
from app.core.errors import AppError
from app.core.http import Anybody
from app.core.i18n import _
from app.core.probes import Level
from app.core.runtime import Audience, Flag, Mode, Tone, Way
from app.core.security import Viewer
from app.core.templating import render

LARGEST = (1 << 63) - 1


async def _administrator(viewer: Anybody) -> Viewer:
    policy.require_admin(viewer)
    return viewer


# To everybody else there is nothing at these addresses.
Administrator = Annotated[Viewer, Depends(_administrator)]


def show(
    request: Request,
    template: str,
    viewer: Viewer,
    *,
    problem: AppError | None = None,
    **context: Any,
) -> HTMLResponse:
    """Return a page; what went wrong stands in it."""
    page = render(
        request,
        f"admin/{template}.html",
        viewer=viewer,
        status=problem.status if problem else 200,
        problem=problem,
        words=Words(),
        **context,
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def see(address: str) -> RedirectResponse:
    """Send the browser to look at the result of what it posted."""
    return RedirectResponse(address, status.HTTP_303_SEE_OTHER)


class Words:
    """The words of these pages in the reader's language."""

    def told(self, value: dict[str, Any]) -> str:
        """Return what an entry says of before or after, in one line."""
        return ", ".join(f"{name}: {_plain(one)}" for name, one in value.items())

    def part(self, name: str) -> str:
        """Return what a part of the site is called."""
        return {
            "web": _("Web"),
            "database": _("Database"),
            "broker": _("Broker"),
            "storage": _("Object store"),
            "mail": _("Mail"),
            "disk": _("Disk"),
            "clock": _("Clocks"),
            "workers": _("Workers"),
        }.get(name, name)

    def level(self, level: Level) -> tuple[str, str, str]:
        """Return tone, icon and word of a level."""
        return {
            Level.OK: ("done", "check", _("In order")),
            Level.OFF: ("", "pause", _("Not used")),
            Level.WARN: ("warn", "warn", _("Needs a look")),
            Level.FAIL: ("fail", "cross", _("Does not work")),
        }[level]

    def problem(self, name: str, problem: str) -> str:
        """Return what is the matter with a part, and what to do."""
        both = {
            ("broker", "none"): _("No broker: workers ask by themselves every two seconds."),
            ("mail", "none"): _("No letters are sent: there is no mail server in the settings."),
            ("workers", "none"): _("No worker has ever registered; jobs wait."),
        }
        alone = {
            "no_answer": _("It does not answer."),
            "slow": _("It answers slowly."),
            "other_migration": _("Its tables are not those of this version; run the migrations."),
            "skewed": _("The clocks of the database and of this machine differ; set them."),
            "other_bytes": _("What was written was not read back."),
            "full": _("Hardly any room is left; uploads and runs will fail."),
            "nearly_full": _("Little room is left."),
            "versions": _("The processes run different versions."),
            "many_wait": _("Many letters wait."),
            "silent": _("Every worker is silent; jobs may be waiting."),
            "gone": _("No worker has spoken for minutes; jobs wait."),
            "some_silent": _("Some workers are silent."),
            "stale": _("Nobody looked for a while; the site may have been stopped."),
            "unknown": _("Nobody has looked yet."),
        }
        return both.get((name, problem)) or alone.get(problem, "")

    def figure(self, name: str) -> str:
        """Return what a number of today counts."""
        return {
            "joined": _("Sign-ups today"),
            "posts": _("Posts today"),
            "jobs_queued": _("Jobs waiting"),
            "jobs_running": _("Jobs running"),
            "jobs_succeeded": _("Jobs succeeded today"),
            "jobs_failed": _("Jobs failed today"),
            "jobs_cancelled": _("Jobs cancelled today"),
            "reports": _("Open reports"),
            "unanswered": _("Questions without an answer for a day"),
            "wait_p50": _("Queue wait today, median"),
            "wait_p95": _("Queue wait today, 95 %"),
        }.get(name, name)

    def family(self, name: str) -> str:
        """Return what a family of settings is called."""
        return {
            "newcomers": _("Newcomers"),
            "moderation": _("Moderation"),
            "files": _("Files"),
            "requests": _("Requests"),
            "mail": _("Mail"),
            "outside": _("Other servers"),
        }.get(name, name)

    def setting(self, name: str) -> str:
        """Return what a setting means."""
        return described(name)

    def flag(self, flag: Flag) -> str:
        """Return what a switch is for."""
        return {
            Flag.SIGN_UP: _("Sign-up"),
            Flag.POSTING: _("Posts and comments"),
            Flag.UPLOADS: _("Uploads"),
            Flag.JOBS: _("Job submission"),
        }[flag]

    def ways(self) -> list[tuple[str, str]]:
        """Return for whom a switch may be on."""
        return [
            (Way.ON.value, _("On")),
            (Way.OFF.value, _("Off")),
            (Way.PERCENT.value, _("On for a percentage")),
            (Way.PEOPLE.value, _("On for these people only")),
        ]

    def mode(self, mode: Mode) -> tuple[str, str]:
        """Return what a mode is called and what it does."""
        return {
            Mode.READ_ONLY: (
                _("Read-only"),
                _("Everything can be read. Writes get 503, running jobs end, none begins."),
            ),
            Mode.MAINTENANCE: (
                _("Maintenance"),
                _("Everybody but administrators sees one page that says so."),
            ),
        }[mode]

    def tones(self) -> list[tuple[str, str]]:
        """Return how loud an announcement may be."""
        return [
            (Tone.INFO.value, _("Information")),
            (Tone.WARNING.value, _("Warning")),
            (Tone.DANGER.value, _("Danger")),
        ]

    def audiences(self) -> list[tuple[str, str]]:
        """Return who may read an announcement."""
        return [
            (Audience.EVERYBODY.value, _("Everybody")),
            (Audience.SIGNED_IN.value, _("Who is signed in")),
            (Audience.STAFF.value, _("Moderators and administrators")),
        ]


def _plain(value: object) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
