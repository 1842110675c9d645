"""What a site is told that shall be measured: nobody is new there, and nobody is asked to wait."""

UNLIMITED = {
    "TUNINGFORK_REQUESTS_API": "0",
    "TUNINGFORK_REQUESTS_API_VISITOR": "0",
    "TUNINGFORK_REQUESTS_RESOLVE": "0",
    "TUNINGFORK_REQUESTS_RESOLVE_VISITOR": "0",
    "TUNINGFORK_REQUESTS_PAGES": "0",
    "TUNINGFORK_REQUESTS_PAGES_VISITOR": "0",
    "TUNINGFORK_REQUESTS_JOBS": "0",
}
