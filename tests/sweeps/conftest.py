"""A crew for every test of sweeps."""

import httpx
import pytest
from fastapi import FastAPI

from tests.sweeps.crew import Crew


@pytest.fixture
async def crew(app: FastAPI, client: httpx.AsyncClient) -> Crew:
    return await Crew(app, client).arrive()
