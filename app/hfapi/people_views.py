"""People and organisations in the shapes that Hugging Face clients read."""

from typing import Any

from app.accounts.schemas import AccountKind, AccountRef


def liker(account: AccountRef) -> dict[str, Any]:
    """Return a person in a list of people."""
    return {
        "_id": f"{account.id:024x}",
        "user": account.name,
        "fullname": account.label,
        "avatarUrl": "",
        "type": "org" if account.kind is AccountKind.ORGANIZATION else "user",
        "isPro": False,
        "isFollowing": False,
    }


def organization(account: AccountRef) -> dict[str, Any]:
    """Return an organisation in a list of them."""
    return {
        "_id": f"{account.id:024x}",
        "name": account.name,
        "fullname": account.label,
        "avatarUrl": "",
        "type": "org",
        "isEnterprise": False,
    }
