"""Find a Chromium, install one if there is none, or say what to do. Never skip in silence."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A closed machine must not be asked to look up anything; as root Chromium refuses its sandbox.
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)


class NoChromiumError(RuntimeError):
    """There is no browser, and none could be installed."""


def find_chromium() -> str:
    """Return the path of a Chromium: the system's, Playwright's, or one installed just now.

    Raises:
        NoChromiumError: with what to do about it.
    """
    for attempt in (_system, _playwright, _install_package, _install_playwright):
        if path := attempt():
            return path
    raise NoChromiumError(
        "The browser tests need Chromium and none could be installed. Install the package "
        "`chromium` of your system, or run `.venv/bin/playwright install chromium`, "
        "then run `make browser` again."
    )


def _system() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _playwright() -> str | None:
    # In a process of its own: the tests already run in an event loop.
    code = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: print(p.chromium.executable_path)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    path = Path(asked.stdout.strip() or "/nonexistent")
    return str(path) if path.is_file() else None


def _install_package() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(
            ["apt-get", "-qq", *command], env=environment, capture_output=True, check=False
        )
        if done.returncode != 0:
            return None
    return _system()


def _install_playwright() -> str | None:
    subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"],
        capture_output=True,
        check=False,
    )
    return _playwright()
