"""Forgetting a person who has left."""

import asyncio
from collections import Counter

from app.accounts.service import Gone
from app.core.clock import now
from app.core.db import AsyncSession
from app.search.queries import writing
from app.search.words import surface_words

_TOGETHER = 100


async def erase_person(db: AsyncSession, gone: Gone) -> None:
    """Forget texts under the person's name; what stays is indexed anew without it."""
    fewer = Counter[str]()
    while some := await writing.forget_author(db, gone.old_name, gone.user_id, _TOGETHER):
        texts = [f"{row.title}\n{row.body}" for row in some if not row.private]
        fewer.subtract(await asyncio.to_thread(_count, texts))
        await writing.ask_again(db, {(row.kind, row.subject_id) for row in some}, now())
    await writing.count_words(db, fewer)


def _count(texts: list[str]) -> Counter[str]:
    found = Counter[str]()
    for text in texts:
        found.update(surface_words(text))
    return found
