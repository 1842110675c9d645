"""What the site tells a caller when something does not work: one tree, one JSON shape.

AppError
 ├─ InvalidError 422         the request itself is wrong; `details` says where
 ├─ BadRequestError 400      a protocol message is malformed
 ├─ UnauthorizedError 401    nobody is signed in, or the credential is not valid
 ├─ ForbiddenError 403       known, but not allowed
 │   └─ ConfirmationNeededError  allowed once the person has proved again who they are
 ├─ NotFoundError 404        missing, or invisible to this viewer: the answer never tells which
 ├─ ConflictError 409        the current state does not allow it
 ├─ GoneError 410            it was here, and will not be again
 ├─ StaleError 412           it changed since the caller looked
 ├─ TooLargeError 413        more bytes than allowed
 ├─ RangeError 416           a byte range beyond the end
 ├─ RateLimitedError 429     too often; `Retry-After` says when again
 ├─ UnsupportedError 501     part of a protocol this site leaves out, with the reason
 └─ UnavailableError 503     a server behind the site does not answer now
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar


@dataclass(frozen=True)
class Detail:
    """One thing that is wrong: where (a field path, a file, a line), what, and how to fix it."""

    path: str
    message: str
    fix: str = ""


class AppError(Exception):
    """An expected failure. `message` is for people, `fix` says what to do next."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: str = "error"

    def __init__(
        self,
        message: str,
        *,
        fix: str = "",
        code: str | None = None,
        details: Sequence[Detail] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.details = tuple(details)
        self.headers = dict(headers or {})
        if code is not None:
            self.code = code

    def body(self) -> dict[str, object]:
        """Return the JSON every door answers with; `error` is what Hugging Face clients read."""
        body: dict[str, object] = {"error": self.message, "code": self.code}
        if self.fix:
            body["fix"] = self.fix
        if self.details:
            body["details"] = [
                {"path": d.path, "message": d.message, "fix": d.fix} for d in self.details
            ]
        return body


class InvalidError(AppError):
    """The request was understood, and something in it is not acceptable."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid"


class BadRequestError(AppError):
    """The message could not be read as what it should be."""

    status = HTTPStatus.BAD_REQUEST
    code = "bad_request"


class UnauthorizedError(AppError):
    """A credential is missing or not valid."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"


class ForbiddenError(AppError):
    """The viewer may see the thing but not do this to it."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFoundError(AppError):
    """There is no such thing, as far as this viewer may know."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class ConflictError(AppError):
    """The request is valid, but the current state of the thing does not allow it."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class GoneError(AppError):
    """There was such a thing; it has been used up or taken away."""

    status = HTTPStatus.GONE
    code = "gone"


class ConfirmationNeededError(ForbiddenError):
    """The viewer may do this, after proving again who they are; a browser is sent there."""

    code = "confirmation_needed"


class StaleError(AppError):
    """The thing changed since the caller read it."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "stale"


class TooLargeError(AppError):
    """More bytes, files or items than allowed."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too_large"


class RangeError(AppError):
    """The byte range lies beyond the end of the file."""

    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    code = "range"


class RateLimitedError(AppError):
    """Too many requests; the headers say when to come back."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"


class UnsupportedError(AppError):
    """A part of a protocol that this site leaves out on purpose."""

    status = HTTPStatus.NOT_IMPLEMENTED
    code = "unsupported"


class UnavailableError(AppError):
    """A server behind the site does not answer; trying again later helps."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
