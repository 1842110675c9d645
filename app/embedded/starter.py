"""`python -m app.embedded.starter`: the starter repositories, on the first start, beside the site.

The engine converts what the starter wheels hold in a process of its own, because that needs torch.
Each repository is made whole in one transaction, so a kill leaves none half; what is there already
is left alone, and once all are there a mark in the data directory ends the matter for good.
"""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import structlog
from fastapi import FastAPI

from app.accounts import service as accounts
from app.accounts.schemas import AccountRef, NewUser
from app.core.db import AsyncSession, Database
from app.core.errors import AppError, NotFoundError
from app.core.security import ALL_SCOPES, Viewer
from app.core.settings import get_settings
from app.core.storage import BlobStore
from app.embedded.services import SITE_ONLY
from app.hub import service as hub
from app.hub.policy import access_repository
from app.hub.schemas import Author, RepositoryKind
from app.main import create_app
from app.questions import service as questions
from app.tutorials import service as tutorials

log = structlog.get_logger(__name__)

ORGANIZATION = "tuningfork"
CURATOR = "tuningfork-curator"  # owns the organisation; nobody knows its password
MESSAGE = "Add the starter files"
CONVERT_S = 900.0
# Another number when there is more of it: a site that has the rest is given what is new.
DONE = "starter-2.done"
NICE = 10  # visitors come first


def convert(out: Path) -> bool:
    """Let the engine write the starter folders below `out`; False where it cannot, with the reason.

    The engine's output goes to our own log.
    """
    env = {name: value for name, value in os.environ.items() if name not in SITE_ONLY}
    command = [sys.executable, "-m", "worker", "convert-starter", "--out", str(out)]
    answer = subprocess.run(  # noqa: S603 - our own module
        command, env=env, check=False, timeout=CONVERT_S, stdin=subprocess.DEVNULL
    )
    if answer.returncode != 0:
        log.warning(
            "starter_not_converted",
            status=answer.returncode,
            fix="Install the extras `worker` and `starter`, then start the site again.",
        )
    return answer.returncode == 0


def folders(out: Path) -> list[tuple[RepositoryKind, Path]]:
    """Return what the engine wrote: one folder for each repository, models first."""
    return [
        (kind, folder)
        for kind in (RepositoryKind.MODEL, RepositoryKind.DATASET)
        for folder in sorted((out / kind.plural).glob("*"))
        if folder.is_dir()
    ]


async def curator(db: AsyncSession) -> Viewer:
    """Return the owner of the starter organisation; both are made on the first call."""
    owner = await accounts.find_account(db, CURATOR) or await _make_curator(db)
    organization = await accounts.find_account(db, ORGANIZATION)
    if organization is None:
        organization = await accounts.create_organization(db, ORGANIZATION, owner.id)
    return Viewer(
        user_id=owner.id,
        name=owner.name,
        scopes=ALL_SCOPES,
        organization_ids=frozenset({organization.id}),
    )


async def _make_curator(db: AsyncSession) -> AccountRef:
    address = f"{CURATOR}@site.invalid"
    return await accounts.create_user(db, NewUser(CURATOR, address, secrets.token_urlsafe(32)))


async def publish(
    db: AsyncSession, storage: BlobStore, viewer: Viewer, kind: RepositoryKind, folder: Path
) -> bool:
    """Make one starter repository from its folder; return False if there is one of this name."""
    try:
        await access_repository(db, viewer, kind, ORGANIZATION, folder.name)
    except NotFoundError:
        pass
    else:
        return False
    repository = await hub.create_repository(
        db, storage, viewer, kind, ORGANIZATION, folder.name, private=False
    )
    author = Author(viewer.name, viewer.user_id)
    await hub.commit_folder(db, storage, repository, author, folder, MESSAGE)
    return True


async def publish_all(app: FastAPI, out: Path) -> bool:
    """Publish every folder, each in a transaction of its own; return whether all are there now."""
    database: Database = app.state.database
    storage: BlobStore = app.state.storage
    complete = True
    async with database.transaction() as db:
        viewer = await curator(db)
    for kind, folder in folders(out):
        try:
            async with database.transaction() as db:
                made = await publish(db, storage, viewer, kind, folder)
        except AppError as error:
            complete = False
            log.warning("starter_not_published", name=folder.name, reason=error.message)
        else:
            log.info("starter_published", name=folder.name, made=made)
    return complete


async def import_starter(data_dir: Path) -> None:
    """Do all that is left to do of the starter content."""
    done = data_dir / DONE
    scratch = data_dir / "starter.part"
    app = create_app()
    try:
        # Every start: a new release may say something better, and the same text makes no version.
        async with app.state.database.transaction() as db:
            await tutorials.publish_starter(db)
            await questions.plant_tags(db)
        if done.exists():
            return
        # The conversion writes whole files in the same order, so an old half is simply redone.
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        if await asyncio.to_thread(convert, scratch) and await publish_all(app, scratch):
            done.touch()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        await app.state.storage.close()
        await app.state.database.close()


def main() -> None:
    """Import the starter content of the site that the environment describes."""
    os.nice(NICE)
    asyncio.run(import_starter(get_settings().data_dir))


if __name__ == "__main__":
    main()
