"""Server-rendered pages: Jinja2, autoescaped, with the few filters numbers and times need."""

import json
import os
import time
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.core import i18n
from app.core.clock import now
from app.core.files import resource_dir
from app.core.http import site_address
from app.core.pictures import picture_address
from app.core.security import ANONYMOUS, Viewer
from app.core.task_words import task_label

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEPS = (
    (31_536_000, "year"),
    (2_592_000, "month"),
    (86_400, "day"),
    (3600, "hour"),
    (60, "minute"),
)


def filesize(size: int) -> str:
    """Return `size` bytes with a decimal unit, three significant digits."""
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:  # noqa: PLR2004  # 999.5 rounds to 1000
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or value >= 100 else 1  # noqa: PLR2004  # three significant digits
    return f"{value:.{digits}f} {_UNITS[unit]}"


def compact(number: float) -> str:
    """Return a count as people say it: 950, 12.3k, 4.1M."""
    for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.1f}".removesuffix(".0") + suffix
    return f"{number:g}"


def ago(moment: datetime) -> Markup:
    """Return a `<time>` element: relative words, the exact moment on hover."""
    seconds = max(0, int((now() - moment).total_seconds()))
    words = i18n._("just now")
    for step, unit in _STEPS:
        if seconds >= step:
            n = seconds // step
            words = _ago_words(unit, n)
            break
    return Markup('<time datetime="{0}" title="{1}">{2}</time>').format(  # escapes its parts
        moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M:%S UTC"), words
    )


def _ago_words(unit: str, n: int) -> str:
    words = {
        "year": i18n.ngettext("%(n)d year ago", "%(n)d years ago", n),
        "month": i18n.ngettext("%(n)d month ago", "%(n)d months ago", n),
        "day": i18n.ngettext("%(n)d day ago", "%(n)d days ago", n),
        "hour": i18n.ngettext("%(n)d hour ago", "%(n)d hours ago", n),
        "minute": i18n.ngettext("%(n)d minute ago", "%(n)d minutes ago", n),
    }
    return words[unit] % {"n": n}


def duration(seconds: float) -> str:
    """Return a span of time as `1 h 02 min`, `3 min 04 s` or `5.2 s`."""
    if seconds < 60:  # noqa: PLR2004  # a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def percent(fraction: float, digits: int = 1) -> str:
    """Return a fraction in [0, 1] as a percentage."""
    return f"{fraction * 100:.{digits}f} %"


@lru_cache
def _manifest_path() -> str:
    return str(resource_dir("static") / "dist" / "manifest.json")


@lru_cache
def _manifest(_mtime: float) -> dict[str, str]:
    manifest: dict[str, str] = json.loads(Path(_manifest_path()).read_text())
    return manifest


def asset(name: str) -> str:
    """Return the address of a built asset; its name holds a hash, so it is cached for ever.

    Raises:
        FileNotFoundError: the assets are not built; `make assets` builds them.
    """
    # A page asks hundreds of times, for an icon each: no path is put together here.
    return f"/static/dist/{_manifest(os.stat(_manifest_path()).st_mtime)[name]}"  # noqa: PTH116  # quick


def _with_query(request: Request, **changes: object) -> str:
    """Return the current address with some query values changed; None removes one."""
    pairs = [(k, v) for k, v in request.query_params.multi_items() if k not in changes]
    pairs += [(k, str(v)) for k, v in changes.items() if v not in (None, "")]
    return request.url.path + ("?" + urlencode(pairs) if pairs else "")


def _clock() -> int:
    """Return the time of this page, for forms that tell how long somebody sat before them."""
    return int(time.time())


def _path_quote(value: str) -> str:
    return quote(value, safe="/")


def _segment_quote(value: str) -> str:
    """Quote a revision: a branch called `a/b` is one part of a path."""
    return quote(value, safe="")


@lru_cache
def environment() -> Environment:
    """Return the one template environment of the process."""
    env = Environment(
        loader=FileSystemLoader(resource_dir("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    env.install_gettext_callables(i18n._, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]  # added by the i18n extension
    env.filters.update(
        filesize=filesize,
        compact=compact,
        ago=ago,
        duration=duration,
        percent=percent,
        path_quote=_path_quote,
        segment_quote=_segment_quote,
        task_label=task_label,
    )
    env.globals.update(
        clock=_clock,
        asset=asset,
        picture_address=picture_address,
        site_address=site_address,
        languages=i18n.LANGUAGES,
        with_query=_with_query,
    )
    return env


def render_text(template: str, **context: Any) -> str:
    """Return the text of a template that needs no request."""
    return environment().get_template(template).render(**context)


def render(
    request: Request,
    template: str,
    *,
    viewer: Viewer = ANONYMOUS,
    status: int = 200,
    **context: Any,
) -> HTMLResponse:
    """Return a page in the request's language and theme; `viewer` decides what the header shows."""
    page = (
        environment()
        .get_template(template)
        .render(
            request=request,
            viewer=viewer,
            language=i18n.language(),
            theme=viewer.theme or request.cookies.get("theme", "auto"),
            **context,
        )
    )
    return HTMLResponse(page, status_code=status)
