"""What the pages' forms send, and how a form comes back with what is wrong beside its fields.

Fields that may be empty default to the empty string, so that the service's own sentence answers.
"""

from collections import defaultdict
from http import HTTPStatus
from typing import Annotated

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.accounts.schemas import (
    DEFAULT_TOKEN_DAYS,
    MAX_TOKEN_DAYS,
    Language,
    LongText,
    Role,
    ShortText,
    Site,
    Theme,
    TokenRole,
)
from app.core.errors import AppError, ConflictError, ForbiddenError, InvalidError
from app.core.http import site_address, site_settings
from app.core.security import Scope, Viewer
from app.core.templating import render
from app.mail import service as mail

# What a person can mend in the form itself; everything else is an error page.
FORM_PROBLEMS = (InvalidError, ConflictError, ForbiddenError)

# A space at either end may be meant.
Password = Annotated[str, StringConstraints(strip_whitespace=False, max_length=1000)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class SignInForm(_Form):
    login: str = ""
    password: Password = ""
    next_path: str = Field(default="/", alias="next")


class SignUpForm(_Form):
    name: str = ""
    email: str = ""
    password: Password = ""
    next_path: str = Field(default="/", alias="next")


class SetupForm(_Form):
    token: str = ""
    name: str = ""
    email: str = ""
    password: Password = ""


class PreferencesForm(_Form):
    language: Language | None = None
    theme: Theme | None = None
    next_path: str = Field(default="/", alias="next")


class ProfileForm(_Form):
    display_name: ShortText = ""
    bio: LongText = ""


class EmailForm(_Form):
    email: str = ""
    password: Password = ""


class ForgotForm(_Form):
    email: Annotated[str, Field(max_length=300)] = ""


class ResetForm(_Form):
    token: str = ""
    password: Password = ""


class TokenOnlyForm(_Form):
    token: str = ""


class ConfirmForm(_Form):
    password: Password = ""
    code: Annotated[str, Field(max_length=50)] = ""
    next_path: str = Field(default="/settings", alias="next")


class CodeForm(_Form):
    code: Annotated[str, Field(max_length=50)] = ""


class ViaForm(_Form):
    name: str = ""
    email: str = ""


class NameForm(_Form):
    name: ShortText = ""


# What a device answers: a few hundred bytes, some thousands where it proves who made it.
_Credential = Annotated[str, Field(max_length=20_000)]


class PasskeyForm(_Form):
    key: str = ""
    credential: _Credential = ""
    next_path: str = Field(default="/", alias="next")


class NewPasskeyForm(_Form):
    key: str = ""
    credential: _Credential = ""
    name: ShortText = ""


class PasswordForm(_Form):
    current_password: Password = ""
    new_password: Password = ""


class TokenForm(_Form):
    name: ShortText = ""
    role: TokenRole = TokenRole.READ
    scopes: list[Scope] = []
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_TOKEN_DAYS)] = DEFAULT_TOKEN_DAYS


class OrganizationForm(_Form):
    name: str = ""
    display_name: ShortText = ""
    description: LongText = ""
    default_private: bool = False


class MemberForm(_Form):
    user: str = ""
    role: Role = Role.READ


def form_page(
    request: Request,
    template: str,
    viewer: Viewer,
    problem: AppError | None = None,
    **context: object,
) -> HTMLResponse:
    """Return the page of a form; `problem` is what was wrong with it when it was sent."""
    errors: defaultdict[str, str] = defaultdict(str)
    errors.update({detail.path: detail.message for detail in problem.details} if problem else {})
    general = problem if problem and not errors else None
    status = problem.status if problem else HTTPStatus.OK
    page = render(
        request,
        template,
        viewer=viewer,
        status=status,
        errors=errors,
        problem=general,
        **context,
    )
    page.headers["Cache-Control"] = "no-store"  # these pages are one person's own
    return page


def site_of(request: Request) -> Site:
    """Return what letters and secrets need to know of this site."""
    settings = site_settings(request)
    return Site(
        url=site_address(request),
        sends_letters=mail.is_on(settings),
        key=settings.secret_key.get_secret_value(),
    )


def see(path: str) -> RedirectResponse:
    """Go on to another page after a form was accepted."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)
