"""From a template and a language to a letter."""

from collections.abc import Mapping
from functools import lru_cache

from jinja2 import Environment

from app.core import i18n
from app.core.templating import environment
from app.mail.schemas import Letter


@lru_cache
def _plain_text() -> Environment:
    """The site's templates without escaping: an ampersand in a plain letter is an ampersand."""
    return environment().overlay(autoescape=False)


def compose(
    template: str,
    recipient: str,
    *,
    language: str = "",
    headers: Mapping[str, str] | None = None,
    dedupe_key: str | None = None,
    is_last: bool = False,
    **context: object,
) -> Letter:
    """Return the letter of `templates/mail/<template>.txt` and `.html` in the reader's language.

    The first line of the plain template is the subject. Without `language` it is the one of the
    request. `context` goes to both templates; `site_url` must be among it, without a slash at its
    end.
    """
    with i18n.speaking(language or i18n.language()):
        words = {**context, "language": i18n.language()}
        plain = _plain_text().get_template(f"mail/{template}.txt").render(**words)
        subject, _sep, text = plain.strip().partition("\n")
        page = environment().get_template(f"mail/{template}.html")
        html = page.render(**words, subject=subject)
    return Letter(
        recipient=recipient,
        kind=template,
        subject=subject.strip(),
        text=text.strip() + "\n",
        html=html,
        headers=dict(headers or {}),
        dedupe_key=dedupe_key,
        is_last=is_last,
    )
