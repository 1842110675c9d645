"""Where to go next, when a form says so: always an address of this site."""

from urllib.parse import quote, unquote, urlsplit

_SAFE_IN_PATH = "/%:@!$&'()*+,;=~-._"


def local_path(wanted: str, default: str = "/") -> str:
    """Return `wanted` rebuilt from its path and query, or `default` if it could lead elsewhere.

    Browsers read a backslash as a slash and drop tabs and line ends, and some servers decode
    before they redirect; so an address with any of these, plain or encoded, is not followed.
    """
    if not _leads_here(wanted) or not _leads_here(unquote(wanted)):
        return default
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return default
    if parts.scheme or parts.netloc:
        return default
    path = quote(parts.path, safe=_SAFE_IN_PATH)
    return f"{path}?{quote(parts.query, safe=_SAFE_IN_PATH + '?')}" if parts.query else path


def _leads_here(address: str) -> bool:
    if not address.startswith("/") or address.startswith("//"):
        return False
    return "\\" not in address and all(sign.isprintable() for sign in address)
