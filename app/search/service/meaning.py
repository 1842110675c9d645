"""What somebody may have meant who typed a word that hardly any text holds."""

import re

from app.core.db import AsyncSession
from app.search.queries import words as queries
from app.search.query import Query
from app.search.words import surface_words

_MOST_WORDS = 3
# A word is a better one only if so many times more texts hold it.
_TIMES = 5


async def meant(db: AsyncSession, text: str, query: Query) -> str:
    """Return a question with rare words put right; empty if there is nothing better."""
    typed = sorted(surface_words(" ".join(query.words)))[:_MOST_WORDS]
    if not typed:
        return ""
    known = await queries.numbers_of(db, typed)
    better = text
    for word in typed:
        other = await queries.like(db, word, _TIMES * known.get(word, 0))
        if other is not None:
            better = re.sub(rf"(?i)(?<![^\W_]){re.escape(word)}(?![^\W_])", other, better)
    return better if better != text else ""
