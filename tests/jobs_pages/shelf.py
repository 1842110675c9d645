"""Models and data sets on the site, small ones that fit together."""

import io
import json

from fastapi import FastAPI
from PIL import Image

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.security import ALL_SCOPES, Viewer
from app.hub import service as hub
from app.hub.schemas import AddFile, Author, NewCommit, RepositoryKind

CARD = b"---\npipeline_tag: image-classification\n---\n# Lite0\n"
CONFIG = {"architecture": "timm/tf_efficientnet_lite0", "num_classes": 1000}


def picture(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, 40, 80)).save(out, "PNG")
    return out.getvalue()


def pets() -> dict[str, bytes]:
    """Two classes of ten different images."""
    shades = {"cat": 0, "dog": 100}
    return {
        f"train/{label}/{number}.png": picture(first + number)
        for label, first in shades.items()
        for number in range(10)
    }


class Shelf:
    """Puts repositories on the site."""

    def __init__(self, app: FastAPI, database: Database, owner: AccountRef) -> None:
        self.storage = app.state.storage
        self.database = database
        self.viewer = Viewer(user_id=owner.id, name=owner.name, scopes=ALL_SCOPES)

    async def put(
        self, kind: RepositoryKind, name: str, files: dict[str, bytes], *, private: bool = False
    ) -> None:
        async with self.database.transaction() as db:
            repository = await hub.create_repository(
                db, self.storage, self.viewer, kind, self.viewer.name, name, private=private
            )
            operations = [AddFile(path, content) for path, content in files.items()]
            author = Author(self.viewer.name, self.viewer.user_id)
            await hub.commit(
                db, self.storage, repository, NewCommit("Add files", author, operations)
            )


async def stock(shelf: Shelf) -> None:
    """Put a model `lite0` and a data set `pets` there."""
    base = {
        "README.md": CARD,
        "config.json": json.dumps(CONFIG).encode(),
        "model.safetensors": b"weights",
    }
    await shelf.put(RepositoryKind.MODEL, "lite0", base)
    await shelf.put(RepositoryKind.DATASET, "pets", pets())
