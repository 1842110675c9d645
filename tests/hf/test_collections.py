"""Collections through the stock client: made, filled, ordered, listed, and hidden."""

import json
import subprocess
import sys
from pathlib import Path

from app.core.db import Database
from tests.factories.accounts import make_token, make_user
from tests.hf.conftest import Client


def test_a_collection_is_made_filled_ordered_and_taken_apart(hf: Client) -> None:
    result = hf("""
for name in ("one", "two"):
    api.create_repo(f"ada/{name}")
api.create_repo("ada/data", repo_type="dataset")
made = api.create_collection("Small models", description="For small machines.")
same = api.create_collection("Small models", exists_ok=True)
slug = made.slug
api.add_collection_item(slug, "ada/one", "model")
api.add_collection_item(slug, "ada/two", "model", note="the better one")
whole = api.add_collection_item(slug, "ada/data", "dataset")
again = api.add_collection_item(slug, "ada/data", "dataset", exists_ok=True)
api.update_collection_item(slug, whole.items[2].item_object_id, position=0, note="first")
api.delete_collection_item(slug, whole.items[0].item_object_id)
api.delete_collection_item(slug, whole.items[0].item_object_id, missing_ok=True)
changed = api.update_collection_metadata(slug, title="Tiny models", theme="pink", private=True)
after = api.get_collection(slug)
listed = list(api.list_collections(owner="ada"))
holding = list(api.list_collections(item="models/ada/two", sort="lastModified", limit=3))
api.delete_collection(changed.slug)
api.delete_collection(changed.slug, missing_ok=True)
result = {
    "same": same.slug == made.slug,
    "url": made.url.startswith(api.endpoint + "/collections/ada/small-models-"),
    "owner": made.owner,
    "again": len(again.items),
    "items": [[i.item_type, i.item_id, i.position, i.note] for i in after.items],
    "changed": [changed.title, changed.theme, changed.private, changed.description],
    "slug": changed.slug.startswith("ada/tiny-models-") and changed.slug[-24:] == slug[-24:],
    "listed": [c.title for c in listed],
    "holding": [c.title for c in holding],
    "left": len(list(api.list_collections(owner="ada"))),
}
""")
    assert result == {
        "same": True,
        "url": True,
        "owner": "ada",
        "again": 3,
        "items": [["dataset", "ada/data", 0, "first"], ["model", "ada/two", 1, "the better one"]],
        "changed": ["Tiny models", "pink", True, "For small machines."],
        "slug": True,
        "listed": ["Tiny models"],
        "holding": ["Tiny models"],
        "left": 0,
    }


async def test_what_is_private_is_left_out_for_who_may_not_see_it(
    hf: Client, database: Database
) -> None:
    eve = await make_token(database, await make_user(database, "eve"), "write")
    slugs = hf("""
api.create_repo("ada/open")
api.create_repo("ada/hidden", private=True)
shown = api.create_collection("Shown")
for name in ("ada/hidden", "ada/open"):
    api.add_collection_item(shown.slug, name, "model")
secret = api.create_collection("Secret", private=True)
result = [shown.slug, secret.slug]
""")
    result = hf(
        f"""
from huggingface_hub.errors import HfHubHTTPError
shown, secret = {json.dumps(slugs)}
found = api.get_collection(shown)
statuses = []
def attempt(act, *values, **more):
    try:
        act(*values, **more)
    except HfHubHTTPError as error:
        statuses.append(error.response.status_code)
attempt(api.get_collection, secret)
attempt(api.delete_collection, secret)
attempt(api.add_collection_item, shown, "ada/open", "model")
attempt(api.update_collection_metadata, shown, title="Mine now")
attempt(api.create_collection, "Theirs", namespace="ada")
mine = api.create_collection("Mine")
attempt(api.add_collection_item, mine.slug, "ada/hidden", "model")
attempt(api.add_collection_item, mine.slug, "2307.09288", "paper")
result = [[i.item_id for i in found.items], [c.title for c in api.list_collections()], statuses]
""",
        HF_TOKEN=eve,
    )
    assert result == [
        ["ada/open"],
        ["Mine", "Shown"],
        [404, 404, 403, 403, 403, 404, 501],
    ]


def test_a_list_goes_on_over_its_pages(hf: Client) -> None:
    result = hf("""
made = [api.create_collection(f"Number {n}").slug for n in range(35)]
result = [len(list(api.list_collections(owner="ada"))), len(list(api.list_collections(limit=7)))]
""")
    assert result == [35, 7]


def test_the_command_line_shows_collections(
    hf: Client, environment: dict[str, str], tmp_path: Path
) -> None:
    command = ["ls", "--owner", "ada", "--format", "json"]
    hf("api.create_collection('Small models')")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "hf"), "collections", *command],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Small models" in done.stdout
