"""The browser's files. A built file has a hash in its name, so it may be kept for ever."""

from os import PathLike, stat_result

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOR_EVER = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """`static/`, with long caching for what the build named by its contents."""

    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return the file, with `Cache-Control` if its name changes with its contents."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        if "/dist/" in str(full_path):
            response.headers["Cache-Control"] = _FOR_EVER
        return response
