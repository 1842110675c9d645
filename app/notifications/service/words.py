"""What people read about notifications: what happened, why they are told, what they can choose."""

from app.core.i18n import _, ngettext
from app.notifications.schemas import Kind, Level, Pace, Reason, What, Why


def happened(what: What, actor: str, num_others: int = 0) -> str:
    """Return what happened as a sentence without its object: “ada commented”."""
    who = actor or _("Somebody who left")
    if num_others > 0:
        words = {"who": who, "n": num_others}
        who = ngettext("%(who)s and %(n)d other", "%(who)s and %(n)d others", num_others) % words
    return _sentences()[what] % {"who": who}


def _sentences() -> dict[What, str]:
    return {
        What.OPENED: _("%(who)s opened it"),
        What.COMMENTED: _("%(who)s commented"),
        What.CLOSED: _("%(who)s closed it"),
        What.REOPENED: _("%(who)s reopened it"),
        What.MERGED: _("%(who)s merged it"),
        What.SUCCEEDED: _("It succeeded"),
        What.FAILED: _("It failed"),
        What.BROKEN: _("A recipe of it does not run any more"),
        What.MENDED: _("Its recipes run again"),
        What.PUBLISHED: _("%(who)s published it"),
        What.ANSWERED: _("%(who)s answered"),
        What.ACCEPTED: _("%(who)s accepted the answer"),
        What.SUGGESTED: _("%(who)s suggested an edit"),
        What.NAMED: _("%(who)s wrote your name into it"),
        What.AGREED: _("The moderators agreed with a report of yours"),
        What.DISAGREED: _("The moderators did not agree with a report of yours"),
        What.IGNORED: _("The moderators closed a report of yours and did nothing"),
        What.BOUNTY_BEGUN: _("%(who)s put up a bounty"),
        What.BOUNTY_WON: _("Your answer won the bounty"),
        What.BOUNTY_ENDS: _("Your bounty is over in a day: award it"),
        What.BADGE: _("You earned a badge"),
        What.LIMIT_NEAR: _("Four fifths of a limit are used"),
        What.BOUNTY_OVER: _("The bounty is over; nobody won it"),
    }


def reason(why: Reason) -> str:
    """Return why somebody is told."""
    return {
        Reason.MENTION: _("You are mentioned"),
        Reason.AUTHOR: _("You began it"),
        Reason.OWNER: _("It is yours"),
        Reason.PARTICIPATION: _("You took part"),
        Reason.WATCH: _("You watch it"),
    }[why]


def kind(one: Kind) -> str:
    """Return what a kind is called in lists and settings."""
    return {
        Kind.MENTION: _("Mentions"),
        Kind.ANSWER: _("Answers to you"),
        Kind.COMMENT: _("Comments"),
        Kind.OPENED: _("New threads"),
        Kind.STATUS: _("Closed and merged"),
        Kind.PUBLISHED: _("Publications"),
        Kind.JOB: _("Jobs"),
        Kind.REPORT: _("Your reports"),
        Kind.REWARD: _("Bounties and badges"),
        Kind.LIMIT: _("Limits"),
    }[one]


def kind_help(one: Kind) -> str:
    """Return what belongs to a kind."""
    return {
        Kind.MENTION: _("Somebody writes @ and your name."),
        Kind.ANSWER: _("Somebody answers what you began."),
        Kind.COMMENT: _("New words in threads that you take part in, own or watch."),
        Kind.OPENED: _("New discussions and pull requests in what you own or watch."),
        Kind.STATUS: _("What you take part in is closed, reopened or merged."),
        Kind.PUBLISHED: _("New models, data sets and tutorials of whom you watch."),
        Kind.JOB: _("A job of yours, or the nightly check of your tutorial, succeeded or failed."),
        Kind.REPORT: _("The moderators decided about what you reported."),
        Kind.REWARD: _("A bounty was put up, won or is over; you earned a badge."),
        Kind.LIMIT: _("Four fifths of what you may keep or use are used."),
    }[one]


def pace(one: Pace) -> str:
    """Return when mails are written."""
    return {
        Pace.INSTANT: _("At once"),
        Pace.DAILY: _("A letter a day"),
        Pace.WEEKLY: _("A letter a week"),
        Pace.OFF: _("Never"),
    }[one]


def level(one: Level | None) -> str:
    """Return what somebody said about a thing."""
    if one is None:
        return _("As usual")
    return {Level.WATCH: _("Watching"), Level.MUTE: _("Muted")}[one]


def why(one: Why) -> str:
    """Return what decided whether somebody was told."""
    return {
        Why.MENTION: _("you are mentioned"),
        Why.AUTHOR: _("you began it"),
        Why.OWNER: _("it is yours"),
        Why.PARTICIPATION: _("you took part"),
        Why.WATCH: _("you watch it"),
        Why.OWN_ACT: _("you did it yourself"),
        Why.THREAD_MUTED: _("you muted the thread"),
        Why.REPOSITORY_MUTED: _("you muted the repository"),
        Why.SWITCHED_OFF: _("you switched this kind off"),
        Why.NOT_ALLOWED: _("you could not see it then"),
        Why.SUSPENDED: _("your account was suspended"),
        Why.BLOCKED: _("you blocked who did it"),
        Why.QUEUED: _("it waits for its letter"),
        Why.MAILED: _("it was mailed"),
        Why.READ_BEFORE: _("you had read it before"),
        Why.NO_ADDRESS: _("no mail reaches your address"),
        Why.UNCONFIRMED: _("your address is not confirmed"),
        Why.NO_SERVER: _("the site sends no mail"),
    }[one]
