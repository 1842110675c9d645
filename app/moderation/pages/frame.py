"""What the pages of moderation have in common."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette import status

from app.core.errors import AppError
from app.core.i18n import _
from app.core.security import Viewer
from app.core.templating import render
from app.moderation.schemas import (
    ActKind,
    Cause,
    Fate,
    Finding,
    Penalty,
    Reason,
    State,
    Subject,
)

LARGEST = (1 << 63) - 1


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
        template,
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
    """The words of moderation in the reader's language."""

    def subject(self, subject: Subject) -> str:
        """Return what kind of thing it is."""
        return {
            Subject.COMMENT: _("Post"),
            Subject.TUTORIAL: _("Tutorial"),
            Subject.REPOSITORY: _("Repository"),
            Subject.ACCOUNT: _("Account"),
        }[subject]

    def reason(self, reason: Reason) -> str:
        """Return why somebody reported it."""
        return {
            Reason.SPAM: _("Spam or advertising"),
            Reason.RUDE: _("Rude or hateful"),
            Reason.OFF_TOPIC: _("Off topic"),
            Reason.HARMFUL: _("Dangerous or unlawful"),
            Reason.COPYRIGHT: _("Against a licence or copyright"),
            Reason.BROKEN: _("A broken or misleading model"),
            Reason.OTHER: _("Something else"),
        }[reason]

    def cause(self, cause: Cause) -> str:
        """Return how it came into the queue."""
        return {
            Cause.FLAG: _("Reported"),
            Cause.HELD: _("Held"),
            Cause.LINKS: _("Links of a newcomer"),
        }[cause]

    def state(self, state: State) -> str:
        """Return how a report stands."""
        return {
            State.OPEN: _("Waiting"),
            State.AGREED: _("The moderators agreed"),
            State.DISAGREED: _("The moderators did not agree"),
            State.IGNORED: _("Looked at, nothing done"),
        }[state]

    def act(self, kind: ActKind) -> str:
        """Return what a moderator did."""
        return {
            ActKind.HID: _("Hid a post"),
            ActKind.ERASED: _("Erased a post"),
            ActKind.KEPT: _("Let it stand"),
            ActKind.CLOSED: _("Closed a repository"),
            ActKind.REOPENED: _("Opened a repository again"),
            ActKind.SILENCED: _("Silenced an account"),
            ActKind.SUSPENDED: _("Suspended an account"),
            ActKind.LIFTED: _("Lifted a silence or suspension"),
            ActKind.PURGED: _("Removed all of a spammer"),
            ActKind.UNDID: _("Took a removal back"),
            ActKind.REVERSED: _("Granted an appeal"),
            ActKind.UPHELD: _("Turned down an appeal"),
        }[kind]

    def finding(self, finding: Finding) -> str:
        """Return what looks like spam."""
        known = {
            "links": _("links: %(n)s") % {"n": finding.value},
            "mostly_links": _("hardly more than links"),
            "repeated": _("written before: %(n)s×") % {"n": finding.value},
            "shouting": _("nearly all in capitals"),
            "banned_host": _("leads to %(host)s") % {"host": finding.value},
            "banned_word": _("holds “%(word)s”") % {"word": finding.value},
            "typed_too_fast": _("the first post, written faster than anybody types"),
        }
        return known.get(finding.code, f"{finding.code} {finding.value}".strip())

    def reasons(self) -> list[tuple[str, str]]:
        """Return every reason to choose from."""
        return [(one.value, self.reason(one)) for one in Reason]

    def fates(self, subject: Subject) -> list[tuple[str, str]]:
        """Return what may become of a thing."""
        if subject is Subject.ACCOUNT:
            return [(Fate.LEAVE.value, _("Leave it"))]
        if subject is Subject.REPOSITORY:
            closed = (Fate.HIDE.value, _("Close it: only administrators open its files"))
            return [closed, (Fate.LEAVE.value, _("Leave it open"))]
        hidden = (Fate.HIDE.value, _("Hide it: only its author and moderators read it"))
        if subject is Subject.TUTORIAL:
            return [hidden, (Fate.LEAVE.value, _("Leave it"))]
        return [
            hidden,
            (Fate.ERASE.value, _("Erase its words for good")),
            (Fate.LEAVE.value, _("Leave it")),
        ]

    def penalties(self, *, with_none: bool = True) -> list[tuple[str, str]]:
        """Return what may become of a person."""
        found = [
            (Penalty.SILENCE.value, _("Silence: may only read")),
            (Penalty.SUSPEND.value, _("Suspend: may not come in, jobs stop")),
        ]
        return [(Penalty.NONE.value, _("Nothing")), *found] if with_none else found

    def days(self) -> list[tuple[str, str]]:
        """Return how long it may last."""
        return [
            ("1", _("A day")),
            ("7", _("A week")),
            ("30", _("A month")),
            ("365", _("A year")),
            ("0", _("Until it is lifted")),
        ]

    def canned(self) -> list[tuple[str, str]]:
        """Return reasons that moderators need often."""
        sentences = [
            _("Spam or advertising is not wanted here."),
            _("Please stay friendly: this hurts people."),
            _("This does not belong here; it is about something else."),
            _("This breaks the licence or copyright of somebody else."),
            _("This may harm people or breaks the law."),
            _("This repeats what was posted before."),
        ]
        return [(one, one) for one in sentences]
