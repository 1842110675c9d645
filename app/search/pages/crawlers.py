"""What search engines and browsers ask of a site: where everything is, and how to search it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from markupsafe import escape

from app.core import pictures
from app.core.errors import NotFoundError
from app.core.http import Anybody, Db, database, site_address
from app.core.i18n import _
from app.search import service

router = APIRouter(include_in_schema=False)
CHUNK = 50_000
_TOGETHER = 1_000
_XML = "application/xml"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SCHEMA = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
# With their ends, for what begins alike may be somebody's name.
_HIDDEN = """
/api/ /search$ /search? /settings/ /jobs/ /sweeps/ /login? /signup? /new? /fine-tune? /posts/
/questions/ask /drafts/ /notifications/ /preferences$
"""


@router.get("/robots.txt")
async def robots(request: Request, _viewer: Anybody) -> PlainTextResponse:
    """Tell crawlers what is of no use to them, and where the rest is listed."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in _HIDDEN.split()), "Allow: /"]
    return PlainTextResponse(
        "\n".join([*lines, "", f"Sitemap: {site_address(request)}/sitemap.xml", ""])
    )


@router.get("/sitemap.xml")
async def sitemap_index(request: Request, db: Db, _viewer: Anybody) -> Response:
    """List the site maps: each holds what has numbers of one range, at most `CHUNK`."""
    here, last = site_address(request), await service.last_number(db)
    maps = (
        f"<sitemap><loc>{escape(here)}/sitemap-{number}.xml</loc></sitemap>\n"
        for number in range(last // CHUNK + 1)
    )
    body = f"{_HEAD}<sitemapindex {_SCHEMA}>\n{''.join(maps)}</sitemapindex>\n"
    return Response(body, media_type=_XML)


@router.get("/sitemap-{number}.xml")
async def sitemap(request: Request, number: int, _viewer: Anybody) -> StreamingResponse:
    """Stream the addresses that everybody may open, with the day each changed."""
    if not 0 <= number < 1 << 32:
        raise NotFoundError(_("There is no such list."))
    return StreamingResponse(_urls(request, number * CHUNK), media_type=_XML)


async def _urls(request: Request, start: int) -> AsyncIterator[str]:
    here, after = site_address(request), start - 1
    yield f"{_HEAD}<urlset {_SCHEMA}>\n"
    while True:
        async with database(request).transaction() as db:
            found = await service.public_addresses(db, after, start + CHUNK - 1, _TOGETHER)
        yield "".join(
            f"<url><loc>{escape(here + address)}</loc>"
            f"<lastmod>{changed.date().isoformat()}</lastmod></url>\n"
            for _number, address, changed in found
        )
        if len(found) < _TOGETHER:
            break
        after = found[-1][0]
    yield "</urlset>\n"


@router.get("/opensearch.xml")
async def opensearch(request: Request, _viewer: Anybody) -> Response:
    """Let a browser search here from its address bar."""
    here = escape(site_address(request))
    body = (
        f'{_HEAD}<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">'
        f"<ShortName>Tuningfork</ShortName><Description>{escape(_('Search everything'))}"
        f"</Description><InputEncoding>UTF-8</InputEncoding>"
        f'<Url type="text/html" template="{here}/search?q={{searchTerms}}"/>'
        f"</OpenSearchDescription>\n"
    )
    return Response(body, media_type="application/opensearchdescription+xml")


@router.get("/picture.png")
async def picture(
    request: Request,
    _viewer: Anybody,
    title: Annotated[str, Query(alias="t", max_length=pictures.MOST_CHARS)],
    signature: Annotated[str, Query(alias="s", max_length=64)],
) -> Response:
    """Return the picture of a title that a page of this site asked for."""
    if not pictures.is_ours(request, title, signature):
        raise NotFoundError(_("There is no such picture."))
    tag = f'"{signature}"'
    headers = {"ETag": tag, "Cache-Control": "public, max-age=31536000, immutable"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    drawn = await asyncio.to_thread(pictures.draw, title)
    return Response(drawn, media_type="image/png", headers=headers)
