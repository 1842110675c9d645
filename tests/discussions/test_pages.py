"""The Community tab in the browser, without a script: every action is a form."""

import re

import httpx
import pytest

from tests.discussions.conftest import FILES, Forum
from tests.factories.accounts import sign_in

PAGE = {"Accept": "text/html"}
TEXT = "sub/deep/a.txt"
COMMUNITY = "/ada/net/discussions"


class Visitor:
    """Somebody in a browser."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def read(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path, headers=PAGE)
        assert answer.status_code == status, answer.text
        return answer.text

    async def send(self, path: str, status: int = 303, **fields: str) -> httpx.Response:
        answer = await self.client.post(path, data=fields, headers=PAGE)
        assert answer.status_code == status, answer.text
        return answer


@pytest.fixture
async def eve(forum: Forum) -> Visitor:
    await sign_in(forum.client, "eve")
    return Visitor(forum.client)


async def _as(forum: Forum, name: str) -> Visitor:
    forum.client.cookies.clear()
    await sign_in(forum.client, name)
    return Visitor(forum.client)


async def test_an_empty_tab_says_what_to_do_and_a_discussion_begins(eve: Visitor) -> None:
    empty = await eve.read(COMMUNITY)
    shown = await eve.send(COMMUNITY, 200, title="Why?", description="**so**", action="preview")
    refused = await eve.send(COMMUNITY, 422, title=" ", description="words")
    made = await eve.send(COMMUNITY, title="Why?", description="Because $x^2$ <b onclick=1>!</b>")
    page = await eve.read(made.headers["location"])
    assert "Nobody has written yet" in empty
    assert "<strong>so</strong>" in shown.text
    assert "Give it a title." in refused.text
    assert ">words</textarea>" in refused.text
    assert '<span class="math">x^2</span>' in page
    assert "onclick" not in page
    assert "Why?" in await eve.read(COMMUNITY)


async def test_a_discussion_goes_on_by_forms(forum: Forum, eve: Visitor) -> None:
    num = await forum.discuss("eve")
    url = f"{COMMUNITY}/{num}"
    await eve.send(f"{url}/comment", comment="First answer")
    quoted = await eve.read(f"{url}?quote=2")
    await eve.send(f"{url}/comment/2/edit", comment="First better answer")
    history = await eve.read(f"{url}/comment/2/history")
    await eve.send(f"{url}/title", title="What for?")
    await eve.send(f"{url}/comment", comment="Enough", action="close")
    closed = await eve.read(url)
    await eve.send(f"{url}/comment", action="reopen")
    await eve.send(f"{url}/comment/2/hide")
    page = await eve.read(url)
    assert "&gt; First answer" in quoted
    assert "<ins>better </ins>" in history
    assert "Closed" in closed
    assert "Enough" in closed
    assert "This comment was hidden." in page
    assert "First better answer" not in page
    assert "<del>Why?</del> → What for?" in page


async def test_a_refused_action_says_why_and_keeps_what_was_typed(
    forum: Forum, eve: Visitor
) -> None:
    num = await forum.discuss("bob")
    url = f"{COMMUNITY}/{num}"
    pinned = await eve.send(f"{url}/pin", 403, value="1")
    closed = await eve.send(f"{url}/comment", 403, comment="My words", action="close")
    page = await eve.read(url)
    assert "Only those who may write to the repository may do this." in pinned.text
    assert ">My words</textarea>" in closed.text
    assert "My words" not in page
    assert f"{url}/pin" not in page


async def test_visitors_read_and_are_led_to_sign_in(forum: Forum) -> None:
    num = await forum.discuss("eve")
    visitor = Visitor(forum.client)
    page = await visitor.read(f"{COMMUNITY}/{num}")
    new = await forum.client.get(f"{COMMUNITY}/new", headers=PAGE)
    await visitor.send(f"{COMMUNITY}/{num}/comment", 401, comment="x")
    assert "Sign in to answer" in page
    assert "<textarea" not in page
    assert new.headers["location"].startswith("/login")


async def test_who_may_not_write_proposes_from_the_file_and_the_owner_merges(
    forum: Forum, eve: Visitor
) -> None:
    file = await eve.read(f"/ada/net/blob/main/{TEXT}")
    form = await eve.read(f"/ada/net/propose/main/{TEXT}")
    parent = re.search(r'name="parent" value="(\w{40})"', form)
    assert parent is not None
    made = await eve.send(
        f"/ada/net/propose/main/{TEXT}",
        text="one\r\ntwo\r\n",
        message="Shorter",
        description="Because it is too long.",
        parent=parent[1],
    )
    url = made.headers["location"]
    seen = await eve.read(url)
    ada = await _as(forum, "ada")
    page = await ada.read(url)
    head = re.search(r'name="head" value="(\w{40})"', page)
    assert head is not None
    await ada.send(f"{url}/merge", head=head[1])
    merged = await ada.read(url)
    assert f"/ada/net/propose/main/{TEXT}" in file
    assert "Because it is too long." in seen
    assert "Merge into main" not in seen
    assert "Merged" in merged
    assert await forum.read(TEXT) == b"one\ntwo\n"


async def test_a_merge_of_what_the_merger_has_not_seen_is_refused(forum: Forum) -> None:
    num = await forum.pull({"x.txt": b"x"})
    ada = await _as(forum, "ada")
    page = await ada.read(f"{COMMUNITY}/{num}")
    head = re.search(r'name="head" value="(\w{40})"', page)
    assert head is not None
    await forum.propose({"x.txt": b"evil"}, "eve", f"refs%2Fpr%2F{num}")
    refused = await ada.send(f"{COMMUNITY}/{num}/merge", 412, head=head[1])
    assert "has other commits than those you saw" in refused.text
    later = await forum.propose({"y.txt": b"y"}, "eve", f"refs%2Fpr%2F{num}")
    assert later.status_code == 200


async def test_card_configuration_and_large_files_are_reviewed_in_their_own_words(
    forum: Forum, eve: Visitor
) -> None:
    card = FILES["README.md"].replace(b"mit", b"apache-2.0").replace(b"first", b"FIRST")
    num = await forum.pull(
        {"README.md": card, "config.json": b'{"a": {"x": [1, 2]}, "c": 3}', "blob.bin": b"\0\1"}
    )
    page = await eve.read(f"{COMMUNITY}/{num}/files")
    rows = [
        tuple(re.sub(r"<[^>]+>|\s+", " ", cell).strip() for cell in row)
        for row in re.findall(
            r'<th scope="row"[^>]*>(.*?)</th>\s*<td.*?>(.*?)</td>\s*<td.*?>(.*?)</td>',
            page,
            re.DOTALL,
        )  # one pattern
    ]
    assert rows == [
        ("license", "mit", "apache-2.0"),
        ("a", "1", "removed"),
        ("b", "2", "removed"),
        ("a.x", "not there", "[1, 2]"),
        ("c", "not there", "3"),
    ]
    assert "Both cards side by side" in page
    assert "3 B → 2 B" in re.sub(r"\s+", " ", page)
    assert "1 " in await eve.read(f"{COMMUNITY}/{num}/commits")


async def test_conflicts_are_decided_file_by_file_and_then_it_merges(
    forum: Forum, eve: Visitor
) -> None:
    num = await forum.pull(
        {TEXT: b"one\n2\nthree\nfour\nfive\n", "config.json": b"{}\n", "blob.bin": None}
    )
    await forum.commit({TEXT: b"one\nzwei\nthree\nfour\nfive\n", "config.json": b"[]\n"})
    await forum.commit({"blob.bin": b"\0\5", "later.txt": b"l"})
    url = f"{COMMUNITY}/{num}"
    page = await eve.read(url)
    form = await eve.read(f"{url}/resolve")
    choices = {
        f"side:{TEXT}": "text",
        f"text:{TEXT}": "one\r\n2 zwei\r\n",
        "side:config.json": "main",
    }
    undecided = await eve.send(f"{url}/resolve", 422, **choices)
    await eve.send(f"{url}/resolve", **choices, **{"side:blob.bin": "pull"})
    settled = await eve.read(url)
    ada = await _as(forum, "ada")
    await ada.send(f"{url}/merge")
    gone = await forum.client.get("/ada/net/resolve/main/blob.bin")
    assert "Both sides changed the same lines." in page
    assert "Merge into main" not in page
    assert "The pull request deleted it, main changed it." in form
    assert "Decide about blob.bin first." in undecided.text
    assert "2 zwei" in undecided.text
    assert "No file conflicts with main" in settled
    assert await forum.read(TEXT) == b"one\n2 zwei\n"
    assert await forum.read("config.json") == b"[]\n"
    assert await forum.read("later.txt") == b"l"
    assert gone.status_code == 404


async def test_only_author_and_writers_decide_about_conflicts(forum: Forum) -> None:
    num = await forum.pull({TEXT: b"2\n"})
    await forum.commit({TEXT: b"3\n"})
    bob = await _as(forum, "bob")
    await bob.read(f"{COMMUNITY}/{num}/resolve", 403)
    await bob.send(f"{COMMUNITY}/{num}/resolve", 403, **{f"side:{TEXT}": "main"})


async def test_the_pages_of_a_private_repository_are_not_there_for_outsiders(
    forum: Forum, eve: Visitor
) -> None:
    num = await forum.pull({"x.txt": b"x"}, "eve")
    await forum.client.put(
        "/api/models/ada/net/settings", json={"private": True}, headers=forum.headers["ada"]
    )
    for path in ("", "/new", f"/{num}", f"/{num}/files", f"/{num}/commits", f"/{num}/resolve"):
        await eve.read(COMMUNITY + path, 404)
    await eve.send(f"{COMMUNITY}/{num}/comment", 404, comment="x")
    await eve.read("/ada/net/propose/main/README.md", 404)


async def test_a_list_keeps_its_place_while_new_ones_come(forum: Forum, eve: Visitor) -> None:
    for n in range(32):
        await forum.discuss("bob", f"Number {n}")
    await forum.post("/discussions/1/pin", {"pinned": True})
    first = await eve.read(COMMUNITY)
    more = re.search(r'rel="next"\s+href="([^"]+)"', first)
    assert more is not None
    await forum.discuss("bob", "Late")
    second = await eve.read(more[1].replace("&amp;", "&"))
    shown = [int(n) for n in re.findall(r'class="entry-name"\s+href="[^"]*/(\d+)"', first)]
    rest = [int(n) for n in re.findall(r'class="entry-name"\s+href="[^"]*/(\d+)"', second)]
    assert shown == [1, *range(32, 2, -1)]
    assert rest == [2]


async def test_a_data_set_has_its_community_too(forum: Forum, eve: Visitor) -> None:
    await eve.client.post("/new", data={"kind": "dataset", "owner": "eve", "name": "pets"})
    made = await eve.send("/datasets/eve/pets/discussions", title="T", description="D")
    assert made.headers["location"] == "/datasets/eve/pets/discussions/1"
    assert "opened by" in await eve.read("/datasets/eve/pets/discussions/1")


async def test_the_tab_speaks_chinese(forum: Forum, eve: Visitor) -> None:
    num = await forum.pull({"x.txt": b"x"}, "eve")
    for path in ("", f"/{num}", f"/{num}/files", "/new"):
        page = await eve.read(f"{COMMUNITY}{path}?lang=zh-CN")
        assert "社区" in page
        assert not re.search(r">\s*(Community|Comment|Preview|Open|Files changed)\s*<", page)
