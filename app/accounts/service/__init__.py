"""What accounts do for the rest of the site; other features call these and nothing deeper."""

from app.accounts.queries.personal import first_admin, personal_tables
from app.accounts.service.access_tokens import (
    create_token,
    parse_scopes,
    revoke_token,
    tokens_of,
)
from app.accounts.service.authentication import authenticate, session_cookie, viewer_of
from app.accounts.service.ceremonies import CEREMONY_LIFETIME
from app.accounts.service.ceremonies import begin as begin_ceremony
from app.accounts.service.ceremonies import look as look_at_ceremony
from app.accounts.service.ceremonies import take as take_ceremony
from app.accounts.service.confirming import (
    confirm_by_password,
    mark_confirmed,
    require_confirmed,
)
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
from app.accounts.service.erasing import (
    Eraser,
    Gone,
    ask_to_erase,
    erase_due,
    keep_account,
    keep_account_by_link,
    leaves_at,
)
from app.accounts.service.export import parts_of, personal_archive
from app.accounts.service.factors import (
    Factors,
    begin_totp,
    check_code,
    confirm_by_code,
    confirm_totp,
    factors_of,
    make_codes,
    remove_totp,
    reset_factors,
    waiting_totp,
)
from app.accounts.service.identities import (
    identities_of,
    link_identity,
    person_behind,
    sign_up_with,
    unlink_identity,
)
from app.accounts.service.links import check_link
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
from app.accounts.service.passkeys import Answer as PasskeyAnswer
from app.accounts.service.passkeys import (
    add_passkey,
    ask_for_proof,
    prove,
    remove_passkey,
    rename_passkey,
)
from app.accounts.service.passkeys import ask_for_new as ask_for_new_passkey
from app.accounts.service.people import (
    account_refs,
    change_profile,
    check_not_banned,
    create_user,
    email_hash,
    empty_profile,
    find_account,
    person,
    profile,
)
from app.accounts.service.providers import (
    Stranger,
    begin_with_provider,
    end_with_provider,
    find_provider,
)
from app.accounts.service.recovery import (
    ask_to_confirm,
    change_email,
    change_password,
    confirm_email,
    reset_link,
    reset_password,
    send_reset_link,
    use_new_email,
)
from app.accounts.service.setup import create_first_admin, first_admin_link, setup_link_is_open
from app.accounts.service.sign_in import (
    LIFETIME,
    Browser,
    NewSession,
    check_credentials,
    end_every_sign_in,
    living_sessions,
    sessions_of,
    sign_out,
    sign_out_elsewhere,
    sign_out_session,
    start_session,
)
from app.accounts.service.standing import (
    impose,
    lift,
    lock_person,
    moderator_ids,
    require_may_post,
    set_moderator,
    standing_of,
    standings_of,
)
from app.accounts.tables import DeviceLogin

__all__ = [
    "CEREMONY_LIFETIME",
    "LIFETIME",
    "Asked",
    "Browser",
    "DeviceLogin",
    "Eraser",
    "Factors",
    "Gone",
    "Issued",
    "NewSession",
    "OAuthError",
    "PasskeyAnswer",
    "Stranger",
    "account_refs",
    "add_member",
    "add_passkey",
    "ask_for_device_login",
    "ask_for_new_passkey",
    "ask_for_proof",
    "ask_to_confirm",
    "ask_to_erase",
    "authenticate",
    "begin_ceremony",
    "begin_totp",
    "begin_with_provider",
    "change_email",
    "change_organization",
    "change_password",
    "change_profile",
    "check_code",
    "check_credentials",
    "check_link",
    "check_not_banned",
    "confirm_by_code",
    "confirm_by_password",
    "confirm_email",
    "confirm_totp",
    "create_first_admin",
    "create_organization",
    "create_token",
    "create_user",
    "decide_device_login",
    "default_private",
    "email_hash",
    "empty_profile",
    "end_every_sign_in",
    "end_with_provider",
    "erase_due",
    "factors_of",
    "find_account",
    "find_provider",
    "first_admin",
    "first_admin_link",
    "found_organization",
    "identities_of",
    "impose",
    "keep_account",
    "keep_account_by_link",
    "leaves_at",
    "lift",
    "link_identity",
    "living_sessions",
    "lock_person",
    "look_at_ceremony",
    "make_codes",
    "mark_confirmed",
    "moderator_ids",
    "organization_settings",
    "organizations_of",
    "parse_scopes",
    "parts_of",
    "people_by_id",
    "people_named",
    "person",
    "person_behind",
    "personal_archive",
    "personal_tables",
    "poll_device_login",
    "profile",
    "prove",
    "remove_member",
    "remove_passkey",
    "remove_totp",
    "rename_passkey",
    "renew_token",
    "require_confirmed",
    "require_may_post",
    "reset_factors",
    "reset_link",
    "reset_password",
    "revoke_token",
    "send_reset_link",
    "session_cookie",
    "sessions_of",
    "set_member",
    "set_moderator",
    "setup_link_is_open",
    "sign_out",
    "sign_out_elsewhere",
    "sign_out_session",
    "sign_up_with",
    "standing_of",
    "standings_of",
    "start_session",
    "stewards_of",
    "take_ceremony",
    "tokens_of",
    "unlink_identity",
    "use_new_email",
    "viewer_of",
    "waiting_device_login",
    "waiting_totp",
]
