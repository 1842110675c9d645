"""Lists of repositories, narrowed and ordered by the query."""

import re
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from app.core.db import AsyncSession
from app.core.errors import BadRequestError
from app.core.http import Db, RepoReader
from app.core.security import Viewer
from app.hfapi import views
from app.hfapi.context import kind_of, next_link
from app.hfapi.lineage import base_models, children_count
from app.hub import service
from app.hub.schemas import Filters, RepositoryKind, Sort
from app.hub.service import Repository

router = APIRouter(include_in_schema=False)

_MAX_LIST = 1000
_MAX_FILTERS = 30
_WORD = 200
_NUMBER = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([KMBT]?)", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
# Programs that run one file format; every other program is no reason to leave a model out.
_GGUF_APPS = {"llama.cpp", "ollama", "lmstudio", "lm-studio", "jan", "koboldcpp", "localai"}
# What a light row has; anything else in `expand` needs the whole one.
_LIGHT_FIELDS = """
author createdAt disabled downloads downloadsAllTime gated lastModified library_name likes
pipeline_tag private sha siblings tags trendingScore description citation xetEnabled
"""
_LIGHT = frozenset(_LIGHT_FIELDS.split())


@router.get("")
async def list_repositories(
    request: Request, response: Response, db: Db, viewer: RepoReader
) -> list[dict[str, Any]]:
    """List what the viewer may see, narrowed by the query."""
    kind, query = kind_of(request), request.query_params
    wanted = views.wanted_fields(query.getlist("expand"), query.getlist("expand[]"))
    views.check_fields(wanted, kind)
    if _nothing_serves(query):
        return []
    is_light = not _is_on(query, "full", "cardData", "config") and set(wanted) <= _LIGHT
    filters = filters_of(kind, query)
    page = await service.list_whole(db, viewer, filters, query.get("cursor", ""), light=is_light)
    if page.next_cursor:
        response.headers["Link"] = next_link(request, cursor=page.next_cursor)
    return await _described(db, viewer, query, page.items, wanted)


async def _described(
    db: AsyncSession,
    viewer: Viewer,
    query: QueryParams,
    rows: Sequence[Repository],
    wanted: list[str],
) -> list[dict[str, Any]]:
    ids = [row.id for row in rows]
    is_full = _is_on(query, "full")
    files = await service.paths_of(db, ids) if is_full or "siblings" in wanted else {}
    answer = []
    for row in rows:
        siblings = None
        if row.id in files:
            siblings = [{"rfilename": path} for path in files[row.id]]
        if wanted:
            info = views.only(await _expanded(db, viewer, row, wanted, siblings), wanted)
        else:
            info = views.listed(row)
            info |= _extras(row, query)
            if siblings is not None:
                info["siblings"] = siblings
        answer.append(info)
    return answer


async def _expanded(
    db: AsyncSession,
    viewer: Viewer,
    row: Repository,
    wanted: list[str],
    siblings: list[dict[str, Any]] | None,
) -> dict[str, Any]:
    if set(wanted) <= _LIGHT:
        info = views.listed(row)
        return info | {"siblings": siblings} if siblings is not None else info
    info = views.repository_info(row, siblings=siblings)
    if "baseModels" in wanted:
        info["baseModels"] = await base_models(db, viewer, row)
    if "childrenModelCount" in wanted:
        info["childrenModelCount"] = await children_count(db, viewer, row)
    return info


def _extras(row: Repository, query: QueryParams) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if _is_on(query, "full", "cardData"):
        extras["cardData"] = row.card or None
    if _is_on(query, "config"):
        extras["config"] = row.config.get("config") or {}
    return extras


def filters_of(kind: RepositoryKind, query: QueryParams) -> Filters:
    """Return what the query of a list narrows it to.

    Raises:
        BadRequestError: a value cannot be what its name says.
    """
    tags = [tag for value in query.getlist("filter") for tag in value.split(",") if tag]
    tags += [t for key in ("library", "language", "tags") for t in query.getlist(key) if t]
    tags += [f"license:{name}" for name in query.getlist("license") if name]
    if _GGUF_APPS & {app.lower() for app in query.getlist("apps")}:
        tags.append("gguf")
    if len(tags) > _MAX_FILTERS:
        raise BadRequestError(f"A list takes at most {_MAX_FILTERS} filters.")
    smallest, largest = _parameters(query.get("num_parameters", ""))
    return Filters(
        kind=kind,
        search=" ".join(query.getlist("search"))[:_WORD].strip(),
        owner=query.get("author", "")[:_WORD],
        task=query.get("pipeline_tag", "")[:_WORD],
        tags=tuple(dict.fromkeys(_tag(kind, tag) for tag in tags if tag != views.REGION)),
        sort=_sort(query.get("sort", "")),
        limit=min(max(_number(query.get("limit"), _MAX_LIST), 1), _MAX_LIST),
        gated=_gated(query.get("gated")),
        min_parameters=smallest,
        max_parameters=largest,
    )


def _tag(kind: RepositoryKind, tag: str) -> str:
    """Return the tag that a filter means: models carry their languages without the prefix."""
    tag = tag.strip()[:_WORD].replace("\0", "")
    if kind is RepositoryKind.MODEL:
        for prefix in ("language:", "library:", "pipeline_tag:"):
            tag = tag.removeprefix(prefix)
    return tag


def _is_on(query: QueryParams, *names: str) -> bool:
    return any(query.get(name, "").lower() in {"true", "1"} for name in names)


def _nothing_serves(query: QueryParams) -> bool:
    """Whether only models are wanted that somebody serves: nobody does so here."""
    return bool(query.get("inference") or query.getlist("inference_provider"))


def _gated(word: str | None) -> bool | None:
    known = {None: None, "": None, "true": True, "1": True, "false": False, "0": False}
    key = word.lower() if word is not None else None
    if key not in known:
        raise BadRequestError('"gated" must be true or false.')
    return known[key]


def _parameters(text: str) -> tuple[int | None, int | None]:
    """Return the bounds in `min:6B,max:128B`."""
    bounds: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _colon, figure = part.strip().partition(":")
        found = _NUMBER.fullmatch(figure.strip())
        if name not in {"min", "max"} or found is None:
            raise BadRequestError('"num_parameters" must be written like "min:6B,max:128B".')
        bounds[name] = int(float(found[1]) * _UNITS[found[2].upper()])
    return bounds.get("min"), bounds.get("max")


_SORTS = {sort.value.lower(): sort for sort in Sort} | {
    "created_at": Sort.CREATED,
    "last_modified": Sort.UPDATED,
    "trending_score": Sort.TRENDING,
    "trending": Sort.TRENDING,
    "num_parameters": Sort.PARAMETERS,
    "": Sort.TRENDING,
}


def _sort(word: str) -> Sort:
    found = _SORTS.get(word.lower())
    if found is None:
        names = ", ".join(sort.value for sort in Sort)
        raise BadRequestError(f'"sort" must be one of {names}.')
    return found


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:  # noqa: PLR2004  # nobody wants a billion
        raise BadRequestError('"limit" must be a whole number.')
    return int(text)
