"""Hide what a log must not tell others: credentials, addresses of people, folders of a machine."""

import re

MASK = "[hidden]"
# What follows a name such as `password=`; the name stays, so that a reader knows what it was.
_NAMED = re.compile(
    r"(?i)((?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key|authorization|cookie"
    r"|credential|private[_-]?key)s?[\"']?\s*[:=]\s*[\"']?(?:bearer\s+|basic\s+)?)([^\s\"',;&]{3,})"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_URL_LOGIN = re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)")
# Credentials that say what they are: ours, and those of services people log in to.
_PREFIXED = re.compile(
    r"\b(?:tf[a-z]?_|hf_|api_org_|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|pk_live_|AKIA|ASIA"
    r"|AIza|ya29\.)[\w.-]{8,}"
)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+")
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_HOME = re.compile(r"(/(?:home|Users)/|[A-Za-z]:\\Users\\)[^/\\\s:\"']+")
_ADDRESS = re.compile(r"\b(?!127\.0\.0\.1\b)(?:\d{1,3}\.){3}\d{1,3}\b")
# Long random words: commit ids of 40 hex digits and digests of 64 are no secret.
_RANDOM = re.compile(
    r"\b(?=\w*\d)(?=\w*[A-Za-z])(?![0-9a-f]{40}\b)(?![0-9a-f]{64}\b)[A-Za-z0-9_]{32,}\b"
)


def mask(text: str) -> str:
    """Return `text` with everything that looks like a credential or tells of a person hidden."""
    text = _KEY_BLOCK.sub(MASK, text)
    text = _NAMED.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    for pattern in (_URL_LOGIN, _PREFIXED, _JWT, _MAIL, _ADDRESS, _RANDOM):
        text = pattern.sub(MASK, text)
    return _HOME.sub(rf"\1{MASK}", text)
