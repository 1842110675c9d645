"""What accounts do for the rest of the site; other features call these and nothing deeper."""

from app.accounts.service.access_tokens import (
    create_token,
    parse_scopes,
    revoke_token,
    tokens_of,
)
from app.accounts.service.authentication import authenticate, session_cookie
from app.accounts.service.device_login import (
    Asked,
    Issued,
    OAuthError,
)
from app.accounts.service.device_login import ask_for_login as ask_for_device_login
from app.accounts.service.device_login import decide as decide_device_login
from app.accounts.service.device_login import poll as poll_device_login
from app.accounts.service.device_login import renew as renew_token
from app.accounts.service.device_login import waiting_login as waiting_device_login
from app.accounts.service.lookup import people_by_id, people_named, stewards_of
from app.accounts.service.organizations import (
    add_member,
    change_organization,
    create_organization,
    default_private,
    found_organization,
    organization_settings,
    organizations_of,
    remove_member,
    set_member,
)
from app.accounts.service.people import (
    account_refs,
    change_email,
    change_password,
    change_profile,
    create_user,
    find_account,
    person,
    profile,
)
from app.accounts.service.setup import create_first_admin, first_admin_link, setup_link_is_open
from app.accounts.service.sign_in import (
    LIFETIME,
    NewSession,
    check_credentials,
    living_sessions,
    sessions_of,
    sign_out,
    sign_out_elsewhere,
    sign_out_session,
    start_session,
)
from app.accounts.tables import DeviceLogin

__all__ = [
    "LIFETIME",
    "Asked",
    "DeviceLogin",
    "Issued",
    "NewSession",
    "OAuthError",
    "account_refs",
    "add_member",
    "ask_for_device_login",
    "authenticate",
    "change_email",
    "change_organization",
    "change_password",
    "change_profile",
    "check_credentials",
    "create_first_admin",
    "create_organization",
    "create_token",
    "create_user",
    "decide_device_login",
    "default_private",
    "find_account",
    "first_admin_link",
    "found_organization",
    "living_sessions",
    "organization_settings",
    "organizations_of",
    "parse_scopes",
    "people_by_id",
    "people_named",
    "person",
    "poll_device_login",
    "profile",
    "remove_member",
    "renew_token",
    "revoke_token",
    "session_cookie",
    "sessions_of",
    "set_member",
    "setup_link_is_open",
    "sign_out",
    "sign_out_elsewhere",
    "sign_out_session",
    "start_session",
    "stewards_of",
    "tokens_of",
    "waiting_device_login",
]
