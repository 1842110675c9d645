"""Parts of the protocol that this site leaves out on purpose: 501 with the reason, never a 404.

A client then tells its user why, instead of "not found". The router stands after those that
answer such an address.
"""

from fastapi import APIRouter, Response

from app.core.errors import UnsupportedError
from app.core.http import Anybody

router = APIRouter(include_in_schema=False)

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
_SPACES = "This site runs no Spaces: programs of users are not run on the server."
_PAPERS = "This site keeps no papers; link them in the card of a model or a data set."
_INFERENCE = "This site answers no inference calls and rents no endpoints."
# First the word of the address after /api/, then why there is nothing behind it.
LEFT_OUT = {
    "spaces": _SPACES,
    "kernels": "This site keeps no kernels; it has models and data sets.",
    "papers": _PAPERS,
    "daily_papers": _PAPERS,
    "partners": _INFERENCE,
    "inference-proxy": _INFERENCE,
    "inference-endpoints": _INFERENCE,
    "sandbox": "This site rents no sandboxes; fine-tuning jobs run under /api/jobs.",
    "sandboxes": "This site rents no sandboxes; fine-tuning jobs run under /api/jobs.",
    "scheduled-jobs": "This site runs no jobs by the clock; start one with /api/jobs.",
    "resource-groups": "This site has no resource groups; use the roles of an organisation.",
}


def _refuse(word: str, reason: str) -> None:
    async def refuse(_viewer: Anybody, rest: str = "") -> Response:
        del rest
        raise UnsupportedError(
            reason,
            fix="Models, data sets, collections, webhooks and fine-tuning jobs are here.",
            headers={"X-Error-Code": "NotSupported"},
        )

    router.add_api_route(f"/api/{word}", refuse, methods=_METHODS, name=f"no_{word}")
    router.add_api_route(f"/api/{word}/{{rest:path}}", refuse, methods=_METHODS, name=f"no_{word}_")


for _word, _reason in LEFT_OUT.items():
    _refuse(_word, _reason)


@router.post("/uploads")
async def no_attachments(_viewer: Anybody) -> Response:
    """Say that a comment takes no files of its own."""
    raise UnsupportedError(
        "This site keeps no attachments of comments.",
        fix="Commit the picture to a repository and link it.",
        headers={"X-Error-Code": "NotSupported"},
    )
