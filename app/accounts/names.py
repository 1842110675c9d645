"""Which names an account may take: they are the first segment of every address on the site."""

import re
import unicodedata

from app.accounts.schemas import RESERVED_NAMES
from app.core.errors import Detail, InvalidError
from app.core.i18n import _

MAX_LENGTH = 64
_SHAPE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
# A page's address may end so; a name that ends so would be taken for one.
_ENDINGS = (".git", ".atom", ".rss", ".json", ".xml", ".html")


def name_key(name: str) -> str:
    """Return what makes two names the same: case, width and compatibility forms do not count."""
    return unicodedata.normalize("NFKC", name).casefold()


def check_name(name: str, *, path: str = "name") -> str:
    """Return `name` if an account may be called so.

    Raises:
        InvalidError: with one sentence that says what to change; `path` names the field.
    """
    problem = _problem(name)
    if problem:
        raise InvalidError(problem, code="bad_name", details=[Detail(path, problem)])
    return name


def _problem(name: str) -> str:
    if not name:
        return _("Choose a name.")
    if len(name) > MAX_LENGTH:
        return _("A name has at most 64 characters.")
    if name_key(name) in RESERVED_NAMES:
        return _("The site keeps this name for itself. Choose another one.")
    return _problem_of_shape(name)


def _problem_of_shape(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        return _("Use only the letters a–z and A–Z, digits, and the signs - _ .")
    if not _SHAPE.fullmatch(name):
        return _("A name begins and ends with a letter, a digit or _.")
    if ".." in name or "--" in name:
        return _("A name does not hold two dots or two dashes in a row.")
    if name.casefold().endswith(_ENDINGS):
        return _("A name does not end like a file: leave out the ending.")
    return ""
