"""Signing in with an account at another provider: OpenID Connect, and GitHub which has its own way.

Authorization code with PKCE, state and nonce. A person is known by issuer and subject, and by
nothing else: an e-mail address, equal or proved, never joins two accounts, because whoever runs a
provider, or an old mailbox, would own them all. Joining is done while signed in here.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import structlog

from app.accounts.schemas import Site, Step
from app.accounts.service import ceremonies
from app.accounts.service.provider_calls import Remembered, fetch, fetch_object, unexpected
from app.accounts.tables import Ceremony
from app.core.db import Database
from app.core.errors import NotFoundError, UnauthorizedError
from app.core.i18n import _
from app.core.settings import Settings, SignInProvider

if TYPE_CHECKING:
    from joserfc.jwt import JWTClaimsRegistry, Token

log = structlog.get_logger(__name__)

# Signatures by a key that only the provider has; never "none", never one made with our secret.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
_LEEWAY_S = 120


@dataclass(frozen=True)
class Stranger:
    """Whom a provider vouches for. `email_proved` is the provider's word, not ours."""

    issuer: str
    subject: str
    label: str
    email: str
    email_proved: bool
    wished_name: str

    def stored(self) -> dict[str, Any]:
        """Return this as it is remembered between two steps."""
        return asdict(self)


@dataclass(frozen=True)
class _Endpoints:
    authorize: str
    token: str
    keys: str = ""
    in_body: bool = False


def find_provider(settings: Settings, name: str) -> SignInProvider:
    """Return the provider that the operator has named so.

    Raises:
        NotFoundError: there is none.
    """
    for provider in settings.sign_in_providers:
        if provider.name == name:
            return provider
    raise NotFoundError(_("This site knows no such provider."))


_endpoints_by_address: Remembered[_Endpoints] = Remembered()
_keys_by_address: Remembered[dict[str, Any]] = Remembered()


async def begin_with_provider(
    database: Database,
    settings: Settings,
    site: Site,
    provider: SignInProvider,
    user_id: int | None,
    next_path: str,
) -> tuple[str, str]:
    """Return the provider's address to go to, and the key of the sign-in for this browser.

    With a `user_id` the account at the provider is joined to that person.

    Raises:
        OutboundError: the provider does not answer.
    """
    endpoints = await _endpoints(settings, provider)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _n in range(3))
    async with database.transaction() as db:
        key = await ceremonies.begin(
            db,
            Step.PROVIDER,
            user_id,
            provider=provider.name,
            state=state,
            nonce=nonce,
            verifier=verifier,
            next=next_path,
        )
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": _redirect_uri(site, provider),
        "scope": provider.wanted_scopes,
        "state": state,
        "nonce": nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in endpoints.authorize else "?"
    return f"{endpoints.authorize}{joint}{urlencode(query)}", key


def _redirect_uri(site: Site, provider: SignInProvider) -> str:
    return f"{site.url}/login/via/{provider.name}/callback"


async def end_with_provider(
    settings: Settings,
    site: Site,
    provider: SignInProvider,
    ceremony: Ceremony,
    *,
    state: str,
    code: str,
) -> Stranger:
    """Return whom the provider vouches for; `ceremony` was begun by this browser.

    Raises:
        UnauthorizedError: the answer is not one to what was asked.
        OutboundError: the provider does not answer as it should.
    """
    data = ceremony.data
    if data["provider"] != provider.name or not code:
        raise _refused("other_provider")
    if not hmac.compare_digest(data["state"].encode(), state.encode()):
        raise _refused("state")
    endpoints = await _endpoints(settings, provider)
    told = await _exchange(settings, site, provider, endpoints, code, data["verifier"])
    if provider.kind == "github":
        return await _from_github(settings, provider, str(told.get("access_token", "")))
    return await _from_id_token(settings, provider, endpoints, told, data["nonce"])


def _refused(reason: str) -> UnauthorizedError:
    log.info("provider_refused", reason=reason)
    return UnauthorizedError(
        _("The provider's answer could not be accepted."),
        fix=_("Begin again from the sign-in page."),
        code="provider_refused",
    )


async def _endpoints(settings: Settings, provider: SignInProvider) -> _Endpoints:
    if provider.kind == "github":
        base = provider.address
        return _Endpoints(
            f"{base}/login/oauth/authorize", f"{base}/login/oauth/access_token", in_body=True
        )
    endpoints, _fresh = await _endpoints_by_address.get(
        provider.address, lambda: _discover(settings, provider)
    )
    return endpoints


async def _discover(settings: Settings, provider: SignInProvider) -> _Endpoints:
    address = f"{provider.address}/.well-known/openid-configuration"
    found = await fetch_object(settings, "GET", address)
    if str(found.get("issuer", "")).rstrip("/") != provider.address:
        raise unexpected("issuer")
    ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    try:
        return _Endpoints(
            authorize=str(found["authorization_endpoint"]),
            token=str(found["token_endpoint"]),
            keys=str(found["jwks_uri"]),
            in_body="client_secret_basic" not in ways,
        )
    except KeyError as error:
        raise unexpected("discovery") from error


async def _exchange(  # what the protocol sends
    settings: Settings,
    site: Site,
    provider: SignInProvider,
    endpoints: _Endpoints,
    code: str,
    verifier: str,
) -> dict[str, Any]:
    secret = provider.client_secret.get_secret_value()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _redirect_uri(site, provider),
        "client_id": provider.client_id,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if endpoints.in_body:
        form["client_secret"] = secret
    else:
        pair = f"{quote(provider.client_id, safe='')}:{quote(secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return await fetch_object(settings, "POST", endpoints.token, headers, urlencode(form).encode())


async def _from_id_token(
    settings: Settings,
    provider: SignInProvider,
    endpoints: _Endpoints,
    told: dict[str, Any],
    nonce: str,
) -> Stranger:
    from joserfc.errors import JoseError  # it loads cryptography, 10 MB

    try:
        token = await _opened(settings, endpoints.keys, str(told.get("id_token", "")))
        claims = token.claims
        _registry(provider, str(claims.get("iss", "")), nonce).validate(claims)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(type(error).__name__) from error
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    party = claims.get("azp", provider.client_id if len(audience) == 1 else "")
    if party != provider.client_id or not str(claims["sub"]):
        raise _refused("azp")
    return Stranger(
        issuer=provider.address,
        subject=str(claims["sub"]),
        label=str(claims.get("email") or claims.get("preferred_username") or claims["sub"])[:200],
        email=str(claims.get("email") or "")[:254],
        email_proved=claims.get("email_verified") is True,
        wished_name=str(claims.get("preferred_username") or "")[:64],
    )


async def _opened(settings: Settings, address: str, id_token: str) -> "Token":
    """Return a token whose signature is right; keys that do not fit may have been exchanged."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    async def ask() -> dict[str, Any]:
        return await fetch_object(settings, "GET", address)

    def opened(keys: dict[str, Any]) -> "Token":
        key_set = KeySet.import_key_set(keys)  # type: ignore[arg-type]  # read as untyped JSON
        return jwt.decode(id_token, key_set, algorithms=_ALGORITHMS)

    keys, is_fresh = await _keys_by_address.get(address, ask)
    try:
        return opened(keys)
    except (JoseError, ValueError, KeyError):
        if is_fresh:
            raise
    keys, _fresh = await _keys_by_address.get(address, ask, fresh=True)
    return opened(keys)


def _registry(provider: SignInProvider, issuer: str, nonce: str) -> "JWTClaimsRegistry":
    from joserfc.jwt import JWTClaimsRegistry

    # An issuer may write its own address with or without the last slash; nothing else differs.
    expected = issuer if issuer.rstrip("/") == provider.address else provider.address
    return JWTClaimsRegistry(
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": expected},
        aud={"essential": True, "value": provider.client_id},
        nonce={"essential": True, "value": nonce},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )


async def _from_github(settings: Settings, provider: SignInProvider, token: str) -> Stranger:
    headers = {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"}
    user = await fetch_object(settings, "GET", f"{provider.api_address}/user", headers)
    emails = await fetch(settings, "GET", f"{provider.api_address}/user/emails", headers)
    if not isinstance(user.get("id"), int) or not isinstance(emails, list):
        raise unexpected("user")
    primary = next((one for one in emails if isinstance(one, dict) and one.get("primary")), {})
    login = str(user.get("login") or user["id"])
    return Stranger(
        issuer=provider.address,
        subject=str(user["id"]),  # the login may be given to somebody else one day
        label=login[:200],
        email=str(primary.get("email") or "")[:254],
        email_proved=primary.get("verified") is True,
        wished_name=login[:64],
    )
