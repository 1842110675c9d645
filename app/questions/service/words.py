"""What a title, a tag and a question's language may be."""

import re
import unicodedata

from app.comments import service as comments
from app.core.errors import AppError, Detail, InvalidError
from app.core.i18n import _
from app.questions.schemas import MAX_TAGS, MAX_TITLE, MIN_TITLE_WIDTH

_SPACES = re.compile(r"\s+")
_NOT_SLUG = re.compile(r"[^\w]+")
_TAG = re.compile(r"[\w][\w.+#-]{0,39}")
_SEPARATORS = re.compile(r"[\s,，、;；]+")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`]*`", re.DOTALL)
_CJK = re.compile(r"[㐀-鿿豈-﫿]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
# A Chinese character says about as much as this many letters.
_CJK_WIDTH = 2.5
_SLUG_LENGTH = 80
_ONE_CHINESE_WEIGHS = 0.5


def check_title(title: str) -> str:
    """Return a title as it is kept: one line, one space between words.

    Raises:
        InvalidError: it is too short to say anything, or too long.
    """
    text = _SPACES.sub(" ", title.replace("\0", "")).strip()
    problem, fix = "", ""
    if _width(text) < MIN_TITLE_WIDTH:
        problem = _("This title is too short to tell others what it is about.")
        fix = _("Write at least four Chinese characters or ten letters: what fails, and where.")
    elif len(text) > MAX_TITLE:
        problem = _("A title may have at most %(n)d characters.") % {"n": MAX_TITLE}
    if problem:
        raise InvalidError(
            problem, fix=fix, code="bad_title", details=[Detail("title", problem, fix)]
        )
    return text


def _width(text: str) -> float:
    return sum(_CJK_WIDTH if _CJK.match(c) else 1 for c in text if not c.isspace())


def check_words(body: str) -> str:
    """Return the words of a post as they are kept.

    Raises:
        InvalidError: there are none, or too many; it names the field `body`.
    """
    try:
        return comments.check_body(body)
    except AppError as problem:
        raise InvalidError(
            problem.message, code="bad_body", details=[Detail("body", problem.message)]
        ) from problem


def slug(title: str) -> str:
    """Return the words of a title for an address; never empty, Chinese stays Chinese."""
    text = _NOT_SLUG.sub("-", unicodedata.normalize("NFKC", title).lower()).strip("-_")
    return text[:_SLUG_LENGTH].strip("-") or "question"


def language_of(text: str) -> str:
    """Return the language most of a text is written in, code left aside."""
    plain = _CODE.sub(" ", text)
    chinese, latin = len(_CJK.findall(plain)), len(_LATIN_WORD.findall(plain))
    return "zh-CN" if chinese * _ONE_CHINESE_WEIGHS > latin else "en"


def split_tags(text: str) -> list[str]:
    """Return the tags somebody typed into one field."""
    return [word for word in _SEPARATORS.split(text.strip()) if word]


def check_tags(names: list[str]) -> list[str]:
    """Return tags as they are kept: lower case, each once, hyphens for spaces.

    Raises:
        InvalidError: one of them is no tag, or there are too many.
    """
    found = list(
        dict.fromkeys(unicodedata.normalize("NFKC", name).strip().lower() for name in names)
    )
    found = [re.sub(r"\s+", "-", name) for name in found if name]
    problem = ""
    if bad := [name for name in found if not _TAG.fullmatch(name)]:
        problem = _("“%(name)s” cannot be a tag.") % {"name": bad[0][:60]}
    elif len(found) > MAX_TAGS:
        problem = _("A question has at most %(n)d tags.") % {"n": MAX_TAGS}
    if problem:
        fix = _(
            "Tags are letters, digits and . + # -, at most 40 of them, with spaces between tags."
        )
        raise InvalidError(problem, fix=fix, code="bad_tag", details=[Detail("tags", problem, fix)])
    return found
