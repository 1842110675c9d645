"""Passwords: argon2id at rest, hashed in two threads of their own so that pages stay quick."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.errors import Detail, InvalidError
from app.core.i18n import _

MIN_LENGTH = 8
MAX_LENGTH = 256

# OWASP's second choice: 19 MiB, two passes, one lane; about 23 ms on the machines we know.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


def check_password(password: str, *others: str, path: str = "password") -> None:
    """Pass if the password is worth having; `others` are the name and e-mail it must not repeat.

    Raises:
        InvalidError: with one sentence; `path` names the field.
    """
    problem = ""
    if len(password) < MIN_LENGTH:
        problem = _("A password has at least 8 characters.")
    elif len(password) > MAX_LENGTH:
        problem = _("A password has at most 256 characters.")
    elif len(set(password)) < MIN_LENGTH // 2:
        problem = _("This password repeats too few characters. Choose a longer sentence.")
    elif password.casefold() in {other.casefold() for other in others}:
        problem = _("A password is not your name or e-mail address.")
    if problem:
        raise InvalidError(problem, code="bad_password", details=[Detail(path, problem)])


async def hash_password(password: str) -> str:
    """Return what is stored of a password."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password belongs to the stored hash; none takes as long and is never right."""
    loop = asyncio.get_running_loop()
    right = await loop.run_in_executor(_threads, _verify, password, stored)
    return right and bool(stored)


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def _verify(password: str, stored: str | None) -> bool:
    try:
        return _hasher.verify(stored or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache
def _nobodys_hash() -> str:
    return _hasher.hash("the password of nobody")
