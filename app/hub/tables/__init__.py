"""Repositories and the git objects, large files and uploads behind them.

Git objects are content-addressed and shared between repositories; what a repository may be asked
for is decided by its refs and commits, and for large files by `RepositoryLfs`.
"""

from app.hub.tables.access import AccessRequest
from app.hub.tables.annotated_tags import AnnotatedTag
from app.hub.tables.git import Blob, Commit, PathHead, Ref, Tree
from app.hub.tables.large_files import (
    LfsObject,
    RepositoryLfs,
    Store,
    XetAnchor,
    XetFile,
    XetUse,
    Xorb,
    XorbUser,
)
from app.hub.tables.popularity import Download, DownloadDay, DownloadDelta, FacetCount, Like
from app.hub.tables.repositories import Redirect, Repository
from app.hub.tables.uploads import Upload, UploadPart

__all__ = [
    "AccessRequest",
    "AnnotatedTag",
    "Blob",
    "Commit",
    "Download",
    "DownloadDay",
    "DownloadDelta",
    "FacetCount",
    "LfsObject",
    "Like",
    "PathHead",
    "Redirect",
    "Ref",
    "Repository",
    "RepositoryLfs",
    "Store",
    "Tree",
    "Upload",
    "UploadPart",
    "XetAnchor",
    "XetFile",
    "XetUse",
    "Xorb",
    "XorbUser",
]
