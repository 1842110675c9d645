"""The object store of the site under test."""

import pytest
from fastapi import FastAPI

from app.core.storage import BlobStore


@pytest.fixture
def app_storage(app: FastAPI) -> BlobStore:
    found: BlobStore = app.state.storage
    return found
