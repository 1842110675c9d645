"""What a pushed object must be like before it is believed; the rules are git's own `fsck`'s."""

from dataclasses import dataclass

from app.core.errors import InvalidError
from app.core.i18n import _
from app.hub.objects import (
    EMPTY_TREE,
    MODE_EXECUTABLE,
    MODE_FILE,
    MODE_FOLDER,
    MODE_LINK,
    MODE_SUBMODULE,
    CommitObject,
    TreeEntry,
    decode_commit,
    decode_tree,
    encode_tree,
)
from app.hub.paths import is_oid, path_key

_MODES = {MODE_FILE, MODE_EXECUTABLE, MODE_FOLDER, MODE_LINK}
MAX_LINK_BYTES = 4096


@dataclass(frozen=True)
class TagObject:
    """What the bytes of an annotated tag say."""

    target: str
    kind: str
    message: str


def strict_tree(oid: str, raw: bytes) -> dict[str, TreeEntry]:
    """Return a folder's entries by name.

    Raises:
        InvalidError: the folder is not as git would write it, or holds what nobody can check out.
    """
    entries = decode_tree(raw)
    names: dict[str, str] = {}
    for entry in entries:
        _check_mode(entry)
        twin = names.setdefault(path_key(entry.name), entry.name)
        if twin != entry.name:
            raise InvalidError(
                _("%(new)s and %(old)s are the same name on many computers.")
                % {"new": ascii(entry.name)[1:-1], "old": ascii(twin)[1:-1]},
                fix=_("Delete or rename one of them."),
                code="twin_path",
            )
    found = {entry.name: entry for entry in entries}
    if len(found) != len(entries) or encode_tree(entries) != raw:
        raise _bad(oid, _("its names are not in git's order."))
    return found


def _check_mode(entry: TreeEntry) -> None:
    if entry.mode == MODE_SUBMODULE:
        raise InvalidError(
            _("%(path)s is a submodule, which a repository here cannot hold.")
            % {"path": ascii(entry.name)[1:-1]},
            fix=_("Add its files themselves, or leave it out."),
            code="submodule",
        )
    if entry.mode not in _MODES or entry.oid == EMPTY_TREE:
        raise InvalidError(
            _("%(path)s is neither a file nor a folder with files in it.")
            % {"path": ascii(entry.name)[1:-1]},
            code="bad_object",
        )


def strict_commit(oid: str, raw: bytes) -> CommitObject:
    """Return what a commit says.

    Raises:
        InvalidError: it is not as git would write it.
    """
    try:
        commit = decode_commit(raw)
    except (OverflowError, ValueError, OSError) as error:
        raise _bad(oid, _("its date cannot be.")) from error
    if not is_oid(commit.tree) or not all(is_oid(parent) for parent in commit.parents):
        raise _bad(oid, _("it names no tree."))
    if b"\ncommitter " not in raw.split(b"\n\n", 1)[0]:
        raise _bad(oid, _("nobody made it."))
    return commit


def strict_tag(oid: str, raw: bytes) -> TagObject:
    """Return what an annotated tag says.

    Raises:
        InvalidError: it is not as git would write it, or names something else than a commit.
    """
    head, _sep, message = raw.decode("utf-8", "replace").partition("\n\n")
    fields = dict(line.partition(" ")[::2] for line in head.split("\n"))
    tag = TagObject(fields.get("object", ""), fields.get("type", ""), message.replace("\0", ""))
    if not is_oid(tag.target) or "tag" not in fields:
        raise _bad(oid, _("it names nothing."))
    if tag.kind != "commit":
        raise InvalidError(
            _("A tag here can name a commit only, not a %(kind)s.")
            % {"kind": ascii(tag.kind)[1:-1]},
            fix=_("Tag the commit itself."),
            code="bad_tag",
        )
    return tag


def check_link(path: str, target: bytes) -> None:
    """Pass only if the symbolic link at `path` leads to somewhere inside the repository.

    Raises:
        InvalidError: it leads out, or into git's own folder.
    """
    parts = path.split("/")[:-1]
    text = target.decode("utf-8", "replace")
    is_inside = bool(text) and not text.startswith("/") and "\\" not in text and "\0" not in text
    for part in text.split("/"):
        if part == "..":
            is_inside = is_inside and bool(parts)
            parts = parts[:-1]
        elif part not in {"", "."}:
            is_inside = is_inside and path_key(part) != ".git"
            parts.append(part)
    if not is_inside or len(target) > MAX_LINK_BYTES:
        raise InvalidError(
            _("The link %(path)s leads out of the repository.") % {"path": ascii(path)[1:-1]},
            fix=_("Let it lead to a file beside it, by a relative path."),
            code="bad_link",
        )


def _bad(oid: str, problem: str) -> InvalidError:
    return InvalidError(
        _("The object %(oid)s is not acceptable: %(problem)s") % {"oid": oid, "problem": problem},
        code="bad_object",
    )
