"""Webhooks through the stock client."""

from tests.hf.conftest import Client


def test_webhooks_are_made_listed_changed_and_removed(hf: Client) -> None:
    result = hf("""
from huggingface_hub.errors import HfHubHTTPError
api.create_repo("ada/data", repo_type="dataset")
watched = [{"type": "user", "name": "ada"}, {"type": "dataset", "name": "ada/data"}]
made = api.create_webhook(url="https://example.org/hook", watched=watched, secret="s3cret")
found = api.get_webhook(made.id)
off = api.disable_webhook(made.id)
on = api.enable_webhook(made.id)
changed = api.update_webhook(made.id, url="https://example.org/other", domains=["repo"])
listed = api.list_webhooks()
refused = []
for wish in ({"job_id": "x", "watched": watched}, {"url": "http://10.0.0.1/", "watched": watched},
             {"url": "https://example.org/", "watched": [{"type": "space", "name": "a/b"}]}):
    try:
        api.create_webhook(**wish)
    except HfHubHTTPError as error:
        refused.append(error.response.status_code)
api.delete_webhook(made.id)
result = [
    [w.name for w in found.watched], sorted(found.domains), found.secret,
    off.disabled, on.disabled, changed.url, changed.domains, len(listed), refused,
    len(api.list_webhooks()),
]
""")
    assert result == [
        ["ada/data", "ada"],
        ["discussion", "repo"],
        "s3cret",
        True,
        False,
        "https://example.org/other",
        ["repo"],
        1,
        [501, 422, 501],
        0,
    ]
