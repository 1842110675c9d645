"""Names that users choose inside a repository: paths of files, names of branches and tags.

The one place that decides. No such name is ever a path on the site's own disk, but people clone
repositories onto theirs, so what would hurt there is refused here.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

from app.core.errors import Detail, InvalidError
from app.core.i18n import _

MAX_PATH_BYTES = 1024
MAX_PART_BYTES = 255
MAX_DEPTH = 40
MAX_REF_CHARACTERS = 200

_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{name}{digit}" for name in ("com", "lpt") for digit in "123456789¹²³"
}
_FORBIDDEN_CATEGORIES = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
# Marks that turn the reading direction, so that "gpj.exe" looks like "exe.jpg".
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")
_OID = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def path_key(path: str) -> str:
    """Return what two paths share when a case-insensitive file system takes them for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def check_path(path: str) -> str:
    """Return `path` if a file in a repository may be called so.

    Raises:
        InvalidError: it may not; the sentence says why.
    """
    problem = _path_problem(path)
    if problem:
        shown = ascii(path[:200])[1:-1]
        raise InvalidError(
            _("%(path)s cannot be the path of a file: %(problem)s")
            % {"path": shown, "problem": problem},
            code="bad_path",
            details=[Detail(shown, problem)],
        )
    return path


def _path_problem(path: str) -> str:
    parts = path.split("/")
    size = len(path.encode("utf-8", "surrogatepass"))
    marks = any(unicodedata.category(c) in _FORBIDDEN_CATEGORIES or c in _BIDI for c in path)
    rules = (
        (not path, _("it is empty.")),
        ("\\" in path, _("use / between folders, not a backslash.")),
        (path.startswith("/"), _("it must be relative, without a leading slash.")),
        (marks, _("it holds a control character or one that changes the reading direction.")),
        (size > MAX_PATH_BYTES, _("it is longer than 1,024 bytes.")),
        (len(parts) > MAX_DEPTH, _("it has more than 40 folders.")),
    )
    problem = next((sentence for broken, sentence in rules if broken), "")
    return problem or next((found for part in parts if (found := _part_problem(part))), "")


def _part_problem(part: str) -> str:
    # File systems ignore invisible characters, so ".g<ZWNJ>it" would be git's own folder.
    visible = "".join(char for char in part if unicodedata.category(char) != "Cf")
    size = len(part.encode("utf-8", "surrogatepass"))
    rules = (
        (not part, _("a folder in it has no name.")),
        (part in {".", ".."}, _("the names . and .. lead out of the folder.")),
        (size > MAX_PART_BYTES, _("one of its names is longer than 255 bytes.")),
        (part.endswith((".", " ")), _("a name may not end in a dot or a space.")),
        (path_key(visible) in {".git", "git~1"}, _("that name belongs to git itself.")),
        (path_key(part).split(".")[0].rstrip() in _DEVICES, _("Windows keeps it for a device.")),
    )
    return next((sentence for broken, sentence in rules if broken), "")


def check_ref_name(name: str) -> str:
    """Return `name` if a branch or a tag may be called so.

    Raises:
        InvalidError: it may not.
    """
    good = (
        len(name) <= MAX_REF_CHARACTERS
        and _REF.fullmatch(name) is not None
        and ".." not in name
        and not any(part.endswith((".lock", ".")) for part in name.split("/"))
        and not name.startswith("refs/")
        and name.upper() not in {"HEAD", "FETCH_HEAD", "ORIG_HEAD"}
        and _OID.fullmatch(name) is None
    )
    if not good:
        raise InvalidError(
            _("%(name)s cannot be the name of a branch or a tag.") % {"name": ascii(name[:100])},
            fix=_("Use letters, digits, and . _ - + inside, with / between parts."),
            code="bad_ref_name",
        )
    return name


def is_oid(value: str) -> bool:
    """Whether `value` is a full id of a git object."""
    return _OID.fullmatch(value) is not None


def is_sha256(value: str) -> bool:
    """Whether `value` is a sha256 in the one spelling that is accepted anywhere."""
    return _SHA256.fullmatch(value) is not None


def check_sha256(value: str) -> str:
    """Return `value` if it is 64 lower-case hex digits and nothing else.

    Raises:
        InvalidError: it is not.
    """
    if not is_sha256(value):
        raise InvalidError(
            _("A sha256 must be 64 hexadecimal digits in lower case."), code="bad_digest"
        )
    return value


def _sha256_or_value_error(value: str) -> str:
    if not is_sha256(value):
        raise ValueError("must be 64 hexadecimal digits in lower case")
    return value


Sha256 = Annotated[str, AfterValidator(_sha256_or_value_error)]
