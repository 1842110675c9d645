"""A newcomer's whole way: from signing up to a published model that a fresh Python loads.

Everything is real: the process tree of `tuningfork up` with its starter content and its worker.
"""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from app.embedded.owner import STATE_ROOT, reachable, server_owner
from tests.embedded.harness import RunningTree, running_tree, wait_until

# Converting the starter weights and training both want minutes on a small or busy machine.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]
STARTER_S = 600.0
TRAINING_MS = 1_200_000
PAGE_MS = 90_000

BASE = "tuningfork/tf_efficientnet_lite0"
DATA = "tuningfork/digits"

# Runs in a fresh Python that knows the site's address and nothing else of it.
RELOAD = """
    import os, pathlib, re, sys
    from huggingface_hub import snapshot_download
    model, data = sys.argv[1:]
    os.chdir(snapshot_download(model))
    images = pathlib.Path(snapshot_download(data, repo_type="dataset", allow_patterns="test/*"))
    card = pathlib.Path("README.md").read_text(encoding="utf-8")
    exec(re.search(r"```python\\n(.*?)```", card, re.DOTALL).group(1))
    paths = sorted(images.glob("test/*/*.png"))
    right = sum(classify(path)[0] == path.parent.name for path in paths)
    print(len(paths), f"{right / len(paths) * 100:.1f}")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[RunningTree]:
    data = tmp_path / "data"
    with running_tree(data) as running:
        yield running
    cluster = reachable((data / "postgres").absolute(), server_owner())
    if cluster.parent == STATE_ROOT:
        shutil.rmtree(cluster)


async def sign_up(page: Page, tree: RunningTree) -> None:
    await page.goto(f"{tree.url}/signup")
    await page.locator("main input[name=name]").fill("grace")
    await page.locator("main input[name=email]").fill("grace@example.org")
    await page.locator("main input[name=password]").fill("correct horse battery")
    await page.locator("main form button").first.click()
    await page.wait_for_url(f"{tree.url}/")


def wait_for_starter(tree: RunningTree) -> None:
    """The starter content arrives beside the running site; look until it is there."""
    with tree.client() as client:
        for address in (f"/api/models/{BASE}", f"/api/datasets/{DATA}"):
            wait_until(lambda at=address: client.get(at).is_success, STARTER_S, 1.0)


async def choose(page: Page, tree: RunningTree) -> None:
    """From the data set's own page to a recipe of two short stages."""
    await page.goto(f"{tree.url}/datasets/{DATA}")
    await page.locator("main").get_by_role("link", name="Fine-tune").first.click()
    await expect(page.locator(".histogram .bar-row")).to_have_count(10, timeout=PAGE_MS)
    await page.locator(f"[data-fill=base][data-value='{BASE}']").click()
    await expect(page.locator("#summary")).to_contain_text("Ready to start", timeout=PAGE_MS)
    settings = {
        "train-stages-0-epochs": "2",
        "train-stages-1-epochs": "2",
        "train-batch_size": "64",
        "data-image_size": "32",
    }
    for name, value in settings.items():
        await page.locator(f"#recipe-{name}").fill(value)
        await page.locator(f"#recipe-{name}").press("Tab")
    await expect(page.locator("#summary .summary-stages")).to_contain_text("2 epochs")


async def watch(page: Page) -> float:
    """Stay on the run's page until the result is there; return its accuracy, per cent."""
    await page.evaluate("window.stayed = true")
    # A quick machine shows several epochs at once.
    await expect(page.locator("#numbers tbody tr").first).to_be_visible(timeout=TRAINING_MS)
    await expect(page.locator("#curve-empty")).to_be_hidden()
    await expect(page.locator(".headline")).to_be_visible(timeout=TRAINING_MS)
    assert await page.evaluate("window.stayed") is True
    return float((await page.locator(".headline").inner_text()).removesuffix("%"))


async def publish(page: Page, tree: RunningTree) -> str:
    await page.locator("#field-name").fill("digit-reader")
    await page.locator("#publish").get_by_role("button", name="Publish").click()
    await page.wait_for_url(f"{tree.url}/grace/digit-reader")
    return "grace/digit-reader"


def accuracy_of_download(tree: RunningTree, folder: Path, model: str) -> tuple[int, float]:
    """Load the published model with the code on its card and measure it again."""
    environment = {**os.environ, "HF_ENDPOINT": tree.url, "HF_HOME": str(folder / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(RELOAD), model, DATA],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    number, accuracy = done.stdout.split()
    return int(number), float(accuracy)


async def test_a_newcomer_fine_tunes_publishes_and_reloads(
    page: Page, tree: RunningTree, tmp_path: Path
) -> None:
    page.set_default_timeout(PAGE_MS)
    await sign_up(page, tree)
    wait_for_starter(tree)
    await choose(page, tree)
    await page.locator(".form-actions").get_by_role("button", name="Start").click()
    await page.wait_for_url(re.compile(r"/jobs/\d+$"))
    shown = await watch(page)
    assert shown > 20.0, "better than guessing one of ten"
    model = await publish(page, tree)
    num_images, measured = accuracy_of_download(tree, tmp_path, model)
    assert num_images > 100
    assert measured == pytest.approx(shown, abs=0.11)
