"""`tuningfork sweep` against a real server."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx

from tests.conftest import Site
from tests.sweeps.crew import LR, Crew


async def command(crew: Crew, site: Site, *arguments: str) -> tuple[int | None, str, str]:
    token = crew.headers["Authorization"].removeprefix("Bearer ")
    environment = os.environ | {"TUNINGFORK_URL": site.url, "TUNINGFORK_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", "sweep", *arguments,
        stdout=PIPE, stderr=PIPE, env=environment,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_sweep_is_submitted_and_followed_to_its_best(site: Site, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        crew = await Crew(site.app, client).arrive()
        search = {"sampler": "grid", "space": {LR: {"choice": [0.05, 0.004]}}}
        recipe = tmp_path / "recipe.json"
        recipe.write_text(json.dumps(crew.recipe(epochs=1, search=search)))
        code, out, _err = await command(crew, site, "submit", str(recipe))
        assert code == 0
        await crew.work(int(out))
        code, lines, _err = await command(crew, site, "watch", out.strip())
    assert code == 0
    title, best, other, job = lines.splitlines()
    assert title == "tiny: succeeded, 2 of 2 jobs ended."
    assert best.startswith("*   2  succeeded")
    assert other.startswith("    1  succeeded")
    assert job == "best job 2"


async def test_a_recipe_that_searches_nothing_is_explained(site: Site, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        crew = await Crew(site.app, client).arrive()
        recipe = tmp_path / "recipe.json"
        recipe.write_text(json.dumps(crew.recipe()))
        code, _out, err = await command(crew, site, "submit", str(recipe))
    assert code == 1
    assert "a sweep needs search, cross_validation or seeds" in err
