"""Every address either names its viewer, and with it the scope a token needs, or is listed here."""

from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.core import http
from app.githost import access
from app.hfapi.api import lfs_objects, xet, xet_reading
from app.jobs.api import credentials
from app.jobs.service import worker_keys
from app.main import routers

# Open to everybody, because nothing behind them belongs to anybody.
PUBLIC = {
    "/v1/telemetry",
    "/healthz",
    "/metrics",
    "/readyz",
}


def _api_routes(parents: Iterable[APIRouter]) -> Iterator[APIRoute]:
    for parent in parents:
        for route in parent.routes:
            if isinstance(route, APIRoute):
                yield route
            elif nested := getattr(route, "original_router", None):
                yield from _api_routes([nested])


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for child in dependant.dependencies:
        yield from _calls(child)


def test_every_route_names_its_viewer_or_is_public() -> None:
    viewers = {http._viewer, http._signed_in, worker_keys.require_worker, credentials._attempt}
    viewers |= {
        http._signed_in_briefly,
        http._viewer_briefly,
        xet.writer,
        lfs_objects.upload_grant,
        lfs_objects.verify_grant,
    }
    viewers |= {lfs_objects.download_grant, lfs_objects.parts_grant, access.caller}
    viewers |= {xet.anyone, xet_reading.reader, xet_reading.bytes_grant}
    unguarded = {
        route.path for route in _api_routes(routers()) if not viewers & set(_calls(route.dependant))
    }
    assert unguarded - PUBLIC == set()


def test_the_public_list_names_only_addresses_that_exist() -> None:
    assert PUBLIC - {route.path for route in _api_routes(routers())} == set()
