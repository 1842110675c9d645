"""From rows to what other features may see."""

from app.accounts.schemas import AccountRef
from app.accounts.tables import Account


def ref(account: Account) -> AccountRef:
    """Return what every feature may know of the account."""
    return AccountRef(
        id=account.id, name=account.name, kind=account.kind, display_name=account.display_name
    )
