"""Who is new here, and what that means for what they write."""

import math
import re
import time
from datetime import datetime, timedelta

from app.accounts import service as accounts
from app.comments import queries
from app.core.clock import now
from app.core.db import AsyncSession, Newcomers, limits_of
from app.core.errors import Detail, InvalidError, NotFoundError, RateLimitedError
from app.core.i18n import _

_DAY = timedelta(days=1)
_IMAGE = re.compile(r"!\[[^\]]*\]\(|<img\b", re.IGNORECASE)
_LINK = re.compile(r"https?://|(?<![\w./])www\.", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w@/.])@[A-Za-z0-9][\w-]*")
_TYPED_S = "typed_s"


def note_typing(db: AsyncSession, begun: int) -> None:
    """Remember since when somebody sat before the form whose words this transaction stores.

    `begun` is what the form was given as the time, 0 if it was not.
    """
    if begun:
        db.info[_TYPED_S] = max(time.time() - begun, 0.0)


async def check(db: AsyncSession, author_id: int, text: str, *, is_topic: bool) -> bool:
    """Pass only if somebody may write this now; return whether it was typed too fast.

    Whoever is established here, or runs the site, may always.

    Raises:
        RateLimitedError: too many topics or replies of a newcomer; `Retry-After` says when again.
        InvalidError: too many links, images or names in it for a newcomer.
    """
    if not await is_newcomer(db, author_id):
        return False
    limits = limits_of(db).newcomers
    # Two posts at once would each count the other out.
    await accounts.lock_person(db, author_id)
    check_words(limits, text)
    await _check_pace(db, author_id, limits, is_topic=is_topic)
    typed_s = db.info.get(_TYPED_S)
    if typed_s is None or typed_s >= limits.typing_s:
        return False
    return await queries.num_written(db, author_id, 1) == 0


def check_words(limits: Newcomers, text: str) -> None:
    """Pass only if a newcomer may write this.

    Raises:
        InvalidError: too many links, images or names in it.
    """
    found = [
        (len(_IMAGE.findall(text)), limits.images, _("images")),
        (len(_LINK.findall(text)), limits.links, _("links")),
        (len(_MENTION.findall(text)), limits.mentions, _("@ names")),
    ]
    for number, most, what in found:
        if number > most:
            problem = _("Who is new here may use at most %(most)d %(what)s in a post.") % {
                "most": most,
                "what": what,
            }
            fix = _("Leave some out; this ends with your first day and a few posts.")
            raise InvalidError(
                problem, fix=fix, code="newcomer", details=[Detail("comment", problem)]
            )


async def _check_pace(
    db: AsyncSession, author_id: int, limits: Newcomers, *, is_topic: bool
) -> None:
    most = limits.topics if is_topic else limits.replies
    spacing = timedelta(seconds=limits.topic_every_s if is_topic else limits.reply_every_s)
    moment = now()
    written = await queries.written_since(db, author_id, moment - _DAY, topics=is_topic, limit=most)
    if len(written) >= most:
        problem = (
            _("Who is new here may begin %(n)d topics a day.")
            if is_topic
            else _("Who is new here may write %(n)d replies a day.")
        )
        again = written[-1] + _DAY if written else moment + _DAY
        raise _too_soon(problem % {"n": most}, moment, again)
    if written and written[0] + spacing > moment:
        problem = _("Who is new here waits a little between two posts.")
        raise _too_soon(problem, moment, written[0] + spacing)


def _too_soon(problem: str, moment: datetime, again: datetime) -> RateLimitedError:
    wait_s = max(1, math.ceil((again - moment).total_seconds()))
    return RateLimitedError(
        problem,
        fix=_("Write again in %(time)s.") % {"time": _span(wait_s)},
        code="newcomer",
        headers={"Retry-After": str(wait_s)},
    )


def _span(seconds: int) -> str:
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": seconds % 60}


async def is_newcomer(db: AsyncSession, account_id: int) -> bool:
    """Whether somebody is new: too young an account, or too few posts that stand.

    Who runs the site never is.
    """
    limits = limits_of(db).newcomers
    try:
        person = await accounts.person(db, account_id)
    except NotFoundError:
        return False
    if person.user.is_admin or person.user.is_moderator:
        return False
    if person.account.created_at > now() - timedelta(hours=limits.hours):
        return True
    enough = limits.accepted_posts
    return await queries.num_standing(db, account_id, enough) < enough
