"""What a person calls their browser, guessed from the header it sends."""

# The first that occurs decides: most browsers also claim to be the ones below them.
_PROGRAMS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "MicroMessenger": "微信",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "CriOS": "Chrome",
    "Safari": "Safari",
    "curl": "curl",
    "python": "Python",
}
_SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def browser_name(user_agent: str) -> str:
    """Return for example `Firefox · Linux`; the header itself when it names nothing known."""
    found = [
        next((name for sign, name in known.items() if sign in user_agent), "")
        for known in (_PROGRAMS, _SYSTEMS)
    ]
    return " · ".join(name for name in found if name) or user_agent
