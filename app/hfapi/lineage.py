"""What a model was made from and what was made from it, as clients read it."""

from typing import Any

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.hfapi.views import full_name, object_id
from app.hub import service
from app.hub.schemas import RepositoryKind
from app.hub.service import Repository


async def base_models(
    db: AsyncSession, viewer: Viewer, repository: Repository
) -> dict[str, Any] | None:
    """Return the models a card names as its base; ids only of those that are here."""
    if not repository.base_models:
        return None
    names = list(repository.base_models)
    here = await service.ids_by_name(db, viewer, RepositoryKind.MODEL, names)
    models = []
    for name in names:
        known = here.get(name.lower())
        models.append({"_id": object_id(known or 0), "id": name})
    return {"relation": relation_of(repository), "models": models}


def relation_of(repository: Repository) -> str:
    """Return how a model was made from its base: as the card says, or as its tags show."""
    for relation in service.RELATIONS:
        if any(tag.startswith(f"base_model:{relation}:") for tag in repository.tags):
            return relation
    return "finetune"


async def children_count(
    db: AsyncSession, viewer: Viewer, repository: Repository
) -> dict[str, int]:
    """Return how many models were made from this one, by relation."""
    found = await service.children_by_relation(db, viewer, full_name(repository))
    return {relation: found.get(relation, 0) for relation in service.RELATIONS}
