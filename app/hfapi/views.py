"""The JSON shapes that Hugging Face clients read."""

from collections.abc import Collection, Sequence
from datetime import datetime
from html import escape
from typing import Any

from app.core.errors import BadRequestError
from app.hub.schemas import CommitInfo, RepositoryKind, TreeFile, TreeFolder
from app.hub.service import Repository, may_run_code, trending_score

# Every repository of this site is in one place; clients expect a tag that names it.
REGION = "region:us"

_COMMON = """
author cardData createdAt disabled downloads downloadsAllTime gated lastModified likes private
resourceGroup sha siblings tags trendingScore usedStorage xetEnabled gitalyUid
"""
_MODEL = """
baseModels childrenModelCount config evalResults gguf inference inferenceProviderMapping
library_name mask_token model-index pipeline_tag safetensors spaces transformersInfo widgetData
"""
_DATASET = "citation description paperswithcode_id mainSize"
EXPANDABLE = {
    RepositoryKind.MODEL: frozenset((_COMMON + _MODEL).split()),
    RepositoryKind.DATASET: frozenset((_COMMON + _DATASET).split()),
}


def moment(value: datetime) -> str:
    """Return a time as clients parse it: UTC, milliseconds, Z."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


def full_name(repository: Repository) -> str:
    """Return `owner/name`."""
    return f"{repository.owner_name}/{repository.name}"


def repository_info(
    repository: Repository, *, sha: str = "", siblings: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return everything that is said of a repository, except what needs more than its row."""
    info = listed(repository) | {
        "sha": sha or repository.head,
        "cardData": repository.card or None,
        "usedStorage": repository.size_bytes,
        "resourceGroup": None,
    }
    if siblings is not None:
        info["siblings"] = siblings
    if repository.kind is RepositoryKind.MODEL:
        return info | _model_fields(repository)
    identifier = repository.card.get("paperswithcode_id")
    return info | {
        "mainSize": repository.size_bytes,
        "paperswithcode_id": identifier if isinstance(identifier, str) else None,
    }


def listed(repository: Repository) -> dict[str, Any]:
    """Return what a list says of a repository; a light row has all of it."""
    name = full_name(repository)
    info: dict[str, Any] = {
        "_id": object_id(repository.id),
        "id": name,
        "author": repository.owner_name,
        "sha": repository.head,
        "private": repository.private,
        "gated": repository.gated or False,
        "disabled": repository.disabled,
        "downloads": repository.downloads,
        "downloadsAllTime": repository.downloads_all_time,
        "likes": repository.likes,
        "trendingScore": trending_score(repository.trending),
        "tags": [*repository.tags, REGION],
        "createdAt": moment(repository.created_at),
        "lastModified": moment(repository.updated_at),
        "xetEnabled": True,
    }
    if repository.kind is RepositoryKind.DATASET:
        return info | {"description": repository.summary, "citation": None}
    info["modelId"] = name
    if repository.task:
        info["pipeline_tag"] = repository.task
    if repository.library:
        info["library_name"] = repository.library
    return info


def object_id(number: int) -> str:
    """Return a row's id in the form that clients expect of one: 24 hexadecimal digits."""
    return f"{number:024x}"


def _model_fields(repository: Repository) -> dict[str, Any]:
    config = repository.config
    fields: dict[str, Any] = {
        "config": config.get("config") or {},
        "spaces": [],
        "evalResults": [],
        "inference": None,
        "inferenceProviderMapping": [],
        "mask_token": config.get("mask_token"),
        "widgetData": repository.card.get("widget"),
        "transformersInfo": config.get("transformers_info"),
        "safetensors": repository.weights or None,
        "gguf": None,
        "model-index": repository.card.get("model-index"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def check_fields(wanted: Collection[str], kind: RepositoryKind) -> None:
    """Pass only if every name is one that a client may ask for.

    Raises:
        BadRequestError: a field of that name does not exist.
    """
    unknown = set(wanted) - EXPANDABLE[kind]
    if unknown:
        allowed = ", ".join(sorted(EXPANDABLE[kind]))
        raise BadRequestError(f'"expand" must be one of [{allowed}]; {min(unknown)[:50]!r} is not.')


def only(info: dict[str, Any], wanted: Collection[str]) -> dict[str, Any]:
    """Return `id` and the wanted fields; everything if none is named."""
    if not wanted:
        return info
    keep = {"_id", "id", "modelId", *wanted}
    return {name: value for name, value in info.items() if name in keep}


def sibling(item: TreeFile, *, blobs: bool) -> dict[str, Any]:
    """Return a file as the list inside a repository's description shows it."""
    row: dict[str, Any] = {"rfilename": item.path}
    if blobs:
        row |= {"size": item.size, "blobId": item.oid}
        if item.lfs_sha256:
            row["lfs"] = {
                "sha256": item.lfs_sha256,
                "size": item.size,
                "pointerSize": item.pointer_size,
            }
    return row


def tree_item(item: TreeFile | TreeFolder) -> dict[str, Any]:
    """Return a file or a folder as the tree shows it."""
    row: dict[str, Any] = {"oid": item.oid, "path": item.path}
    if isinstance(item, TreeFolder):
        row |= {"type": "directory", "size": 0}
    else:
        row |= {"type": "file", "size": item.size}
        if item.lfs_sha256:
            row["lfs"] = {
                "oid": item.lfs_sha256,
                "size": item.size,
                "pointerSize": item.pointer_size,
            }
        if item.xet_hash:
            row["xetHash"] = item.xet_hash
    if item.last_commit is not None:
        row["lastCommit"] = {
            "id": item.last_commit.oid,
            "title": item.last_commit.title,
            "date": moment(item.last_commit.committed_at),
        }
        if isinstance(item, TreeFile) and may_run_code(item.path):
            # Nobody here scans files, so none is called safe; this says which ones to think about.
            row["securityFileStatus"] = {
                "status": "unscanned",
                "avScan": None,
                "pickleImportScan": None,
            }
    return row


def commit_item(commit: CommitInfo, *, formatted: bool) -> dict[str, Any]:
    """Return a commit as the history shows it."""
    body = commit.message.partition("\n")[2].strip()
    row: dict[str, Any] = {
        "id": commit.oid,
        "title": commit.title,
        "message": body,
        "date": moment(commit.committed_at),
        "authors": [{"user": name} for name in commit.authors],
    }
    if formatted:
        # Clients show these as HTML: what people wrote must stay text there.
        row["formatted"] = {"title": escape(commit.title), "message": escape(body)}
    return row


def wanted_fields(values: Sequence[str], more: Sequence[str]) -> list[str]:
    """Return the names in `expand=…` and `expand[]=…`, commas split."""
    return [name for value in (*values, *more) for name in value.split(",") if name]
