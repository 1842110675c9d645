"""The compose file says nothing that the code does not understand."""

import re
from typing import Any

import pytest
import yaml

from app.core.files import resource_dir
from app.core.settings import Settings
from app.core.storage import open_storage
from app.embedded.services import SITE_ONLY

ROOT = resource_dir("templates").parent
TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
SETTINGS = {str(one.validation_alias) for one in Settings.model_fields.values()}
VARIABLE = re.compile(r"\$\{(\w+)(:[-?][^}]*)?\}")


def _filled(text: str) -> str:
    """Put a value where compose would: the default, or a word for what must be given."""
    return VARIABLE.sub(
        lambda hit: (hit[2] or "")[2:] if (hit[2] or "").startswith(":-") else "given", text
    )


def test_the_five_parts_are_there_and_a_worker_for_cards_when_asked_for() -> None:
    asked_for = {name for name, service in SERVICES.items() if "profiles" in service}
    assert asked_for == {"worker-gpu"}
    assert set(SERVICES) - asked_for == {"postgres", "valkey", "s3", "web", "worker"}


@pytest.mark.parametrize("name", SERVICES["web"]["environment"])
def test_every_variable_of_the_site_is_a_setting(name: str) -> None:
    assert name in SETTINGS


@pytest.mark.parametrize("name", SERVICES["worker"]["environment"])
def test_every_variable_of_the_worker_is_one_it_reads(name: str) -> None:
    assert f'"{name}"' in (ROOT / "worker" / "settings.py").read_text()


def test_the_worker_is_told_no_secret_of_the_site() -> None:
    assert not set(SERVICES["worker"]["environment"]) & set(SITE_ONLY)


async def test_the_site_accepts_the_values() -> None:
    given = {k: _filled(v) for k, v in SERVICES["web"]["environment"].items()}
    settings = Settings.model_validate(given)
    store = open_storage(settings)
    await store.close()
    assert settings.database_url == "postgresql://tuningfork:given@postgres:5432/tuningfork"
    assert (
        settings.storage_url
        == "s3://tuningfork?endpoint=http://s3.localhost:8333&region=us-east-1&public="
    )


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_an_exact_version(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", SERVICES[name]["image"])


def test_the_base_image_has_an_exact_version() -> None:
    bases = re.findall(r"^FROM (\S+:\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [one for one in bases if not re.fullmatch(r"\w+:\d+\.\d+\.\d+-[\w-]+", one)] == []
    assert bases


@pytest.mark.parametrize("name", SERVICES)
def test_every_part_has_a_health_check_and_restarts(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize(
    ("name", "needs"),
    [("web", {"postgres", "valkey", "s3"}), ("worker", {"web", "valkey"})],
)
def test_a_part_waits_until_what_it_needs_is_healthy(name: str, needs: set[str]) -> None:
    waits = SERVICES[name]["depends_on"]
    assert {one for one, how in waits.items() if how["condition"] == "service_healthy"} == needs


@pytest.mark.parametrize("variable", sorted({hit[1] for hit in VARIABLE.finditer(TEXT)}))
def test_a_missing_variable_has_a_default_or_stops_the_start(variable: str) -> None:
    uses = [hit[2] or "" for hit in VARIABLE.finditer(TEXT) if hit[1] == variable]
    assert all(use.startswith((":-", ":?")) for use in uses)


@pytest.mark.parametrize("port", [p for one in SERVICES.values() for p in one.get("ports", [])])
def test_ports_are_opened_on_loopback_only(port: str) -> None:
    assert port.startswith("127.0.0.1:")
