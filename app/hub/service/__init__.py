"""What the hub does for the rest of the site; other features call these and nothing deeper."""

from app.hub.card import parse_card
from app.hub.card_rules import RELATIONS
from app.hub.content import is_binary
from app.hub.errors import repository_not_found, revision_not_found
from app.hub.formats import may_run_code
from app.hub.objects import blob_id
from app.hub.path_rules import PathRules, ignore_rules, large_file_rules
from app.hub.paths import Sha256, check_path, check_sha256, is_oid, is_sha256
from app.hub.policy import MovedError
from app.hub.queries.repositories import changed_since, visible_to
from app.hub.service.archives import tar_stream
from app.hub.service.bulk import open_files
from app.hub.service.cards import card_texts
from app.hub.service.commits import commit, stage_blobs
from app.hub.service.diffs import diff
from app.hub.service.duplicates import (
    duplicate_repository,
    link_files,
    target_of_copy,
)
from app.hub.service.erasing import erase_person
from app.hub.service.file_rules import ignored_at, large_files_at
from app.hub.service.files import find_paths, list_files, list_tree, open_file
from app.hub.service.folders import commit_folder
from app.hub.service.large_files import (
    link_readable,
    link_received,
    linked,
    linked_file,
    linked_sizes,
    place_received,
    receive_bytes,
)
from app.hub.service.lists import (
    count_repositories,
    known_tags,
    list_repositories,
    list_whole,
    repository_row,
)
from app.hub.service.patches import Line, patch_lines
from app.hub.service.popularity import (
    count_download,
    downloads_now,
    recent_downloads,
    trending_score,
)
from app.hub.service.pull_refs import (
    freeze_pull_ref,
    lock_branch,
    open_pull_ref,
    thaw_pull_ref,
)
from app.hub.service.repositories import (
    check_repository_name,
    children_by_relation,
    close_repositories_of,
    create_repository,
    delete_repository,
    derived_from,
    ids_by_name,
    paths_of,
    rename_repository,
    repositories_by_id,
    repository_refs,
    set_closed,
    set_private,
    total_bytes,
    visible_names,
)
from app.hub.service.revisions import (
    commit_of,
    count_commits,
    create_branch,
    create_tag,
    delete_branch,
    delete_tag,
    find_revision,
    full_ref,
    history,
    list_refs,
    resolve_revision,
)
from app.hub.service.squash import squash
from app.hub.service.stored_files import delete_stored, list_stored
from app.hub.service.weights import file_header, find_weights, read_weights
from app.hub.tables import Repository

__all__ = [
    "RELATIONS",
    "Line",
    "MovedError",
    "PathRules",
    "Repository",
    "Sha256",
    "blob_id",
    "card_texts",
    "changed_since",
    "check_path",
    "check_repository_name",
    "check_sha256",
    "children_by_relation",
    "close_repositories_of",
    "commit",
    "commit_folder",
    "commit_of",
    "count_commits",
    "count_download",
    "count_repositories",
    "create_branch",
    "create_repository",
    "create_tag",
    "delete_branch",
    "delete_repository",
    "delete_stored",
    "delete_tag",
    "derived_from",
    "diff",
    "downloads_now",
    "duplicate_repository",
    "erase_person",
    "file_header",
    "find_paths",
    "find_revision",
    "find_weights",
    "freeze_pull_ref",
    "full_ref",
    "history",
    "ids_by_name",
    "ignore_rules",
    "ignored_at",
    "is_binary",
    "is_oid",
    "is_sha256",
    "known_tags",
    "large_file_rules",
    "large_files_at",
    "link_files",
    "link_readable",
    "link_received",
    "linked",
    "linked_file",
    "linked_sizes",
    "list_files",
    "list_refs",
    "list_repositories",
    "list_stored",
    "list_tree",
    "list_whole",
    "lock_branch",
    "may_run_code",
    "open_file",
    "open_files",
    "open_pull_ref",
    "parse_card",
    "patch_lines",
    "paths_of",
    "place_received",
    "read_weights",
    "receive_bytes",
    "recent_downloads",
    "rename_repository",
    "repositories_by_id",
    "repository_not_found",
    "repository_refs",
    "repository_row",
    "resolve_revision",
    "revision_not_found",
    "set_closed",
    "set_private",
    "squash",
    "stage_blobs",
    "tar_stream",
    "target_of_copy",
    "thaw_pull_ref",
    "total_bytes",
    "trending_score",
    "visible_names",
    "visible_to",
]
