"""Answering `git clone` and `git fetch`: versions 0 and 2 of the protocol, without state.

Source: gitprotocol-pack, gitprotocol-v2 and gitprotocol-http of git's own documentation.
"""

from collections.abc import AsyncIterator, Sequence

from app.core.db import AsyncSession, Database
from app.core.errors import AppError
from app.core.storage import BlobStore
from app.githost import pktline
from app.githost.wishes import FetchRequest, command, fetch_request
from app.hub.schemas.packs import AdvertisedRef
from app.hub.service import Repository, packs

AGENT = "agent=tuningfork"
HEAD_REF = "refs/heads/main"
_FEATURES = (
    "multi_ack_detailed no-done side-band side-band-64k ofs-delta shallow deepen-since deepen-not "
    "filter no-progress include-tag allow-tip-sha1-in-want allow-reachable-sha1-in-want "
    f"object-format=sha1 {AGENT}"
)
_SMALL_BAND = 995


def advertisement(service: str, refs: Sequence[AdvertisedRef], features: str) -> bytes:
    """Return how a conversation of version 0 begins: every ref, the first with the features."""
    lines = [f"{ref.oid} {ref.name}" for ref in refs]
    head = next((ref for ref in refs if ref.name == HEAD_REF), None)
    if service == "git-upload-pack":
        lines = []
        if head is not None:
            lines.append(f"{head.oid} HEAD")
            features += f" symref=HEAD:{HEAD_REF}"
        for ref in refs:
            lines.append(f"{ref.oid} {ref.name}")
            lines += [f"{ref.peeled} {ref.name}^{{}}"] if ref.peeled else []
    lines = lines or [f"{'0' * 40} capabilities^{{}}"]
    lines[0] += f"\0{features}"
    start = pktline.line(f"# service={service}\n") + pktline.FLUSH
    return start + pktline.joined(f"{one}\n" for one in lines) + pktline.FLUSH


def advertise(refs: Sequence[AdvertisedRef]) -> bytes:
    """Return the beginning of a fetch in version 0."""
    return advertisement("git-upload-pack", refs, _FEATURES)


def capabilities() -> bytes:
    """Return the beginning of a fetch in version 2: what can be asked."""
    lines = ["version 2", AGENT, "ls-refs=unborn", "fetch=shallow filter", "object-format=sha1"]
    start = pktline.line("# service=git-upload-pack\n") + pktline.FLUSH
    return start + pktline.joined(f"{one}\n" for one in lines) + pktline.FLUSH


def list_refs(refs: Sequence[AdvertisedRef], arguments: Sequence[bytes]) -> bytes:
    """Return the refs that a client of version 2 asks for."""
    words = [argument.decode("utf-8", "replace") for argument in arguments]
    prefixes = tuple(word[11:] for word in words if word.startswith("ref-prefix "))
    head = next((ref for ref in refs if ref.name == HEAD_REF), None)
    lines = []
    if head is not None and "HEAD".startswith(prefixes or ("",)):
        target = f" symref-target:{HEAD_REF}" if "symrefs" in words else ""
        lines.append(f"{head.oid} HEAD{target}\n")
    for ref in refs:
        if not prefixes or ref.name.startswith(prefixes):
            peeled = f" peeled:{ref.peeled}" if ref.peeled and "peel" in words else ""
            lines.append(f"{ref.oid} {ref.name}{peeled}\n")
    return pktline.joined(lines) + pktline.FLUSH


class Fetch:
    """Answers one message of a fetch from one repository."""

    def __init__(self, database: Database, storage: BlobStore, repository: Repository) -> None:
        self._database = database
        self._storage = storage
        self._repository = repository

    async def answer(self, body: bytes, *, version: int) -> AsyncIterator[bytes]:
        """Yield the answer; what is wrong with the question is said inside it, as git wants it."""
        try:
            answer = self._answer_2(body) if version == 2 else self._answer_0(body)  # noqa: PLR2004  # the protocol's versions
            async for piece in answer:
                yield piece
        except AppError as error:
            text = f"{error.message} {error.fix}".strip()
            yield pktline.line(f"ERR {text}\n")

    async def _answer_2(self, body: bytes) -> AsyncIterator[bytes]:
        name, arguments = command(body)
        if name == "ls-refs":
            async with self._database.transaction() as db:
                refs = await packs.advertised_refs(db, self._repository)
            yield list_refs(refs, arguments)
            return
        request = fetch_request(arguments)
        async with self._database.transaction() as db:
            head, goes_on = await self._acknowledge(db, request)
            plan = await self._plan(db, request) if goes_on else None
        yield head
        if plan is None:
            yield pktline.FLUSH
            return
        yield pktline.DELIMITER if head else b""
        if request.is_limited:
            yield pktline.line("shallow-info\n") + _shallow_lines(plan) + pktline.DELIMITER
        yield pktline.line("packfile\n")
        async for piece in self._pack(plan, pktline.BAND_BYTES):
            yield piece
        yield pktline.FLUSH

    async def _acknowledge(self, db: AsyncSession, request: FetchRequest) -> tuple[bytes, bool]:
        if request.is_done:
            return b"", True
        known = await packs.negotiate(db, self._repository, request.wish())
        lines = [f"ACK {oid}\n" for oid in known.common] or ["NAK\n"]
        lines += ["ready\n"] if known.is_ready else []
        return pktline.joined(["acknowledgments\n", *lines]), known.is_ready

    async def _plan(self, db: AsyncSession, request: FetchRequest) -> packs.PackPlan:
        names = {ref.name: ref for ref in await packs.advertised_refs(db, self._repository)}
        without = []
        for name in request.without:
            ref = (
                names.get(name) or names.get(f"refs/tags/{name}") or names.get(f"refs/heads/{name}")
            )
            without += [ref.peeled or ref.oid] if ref else []
        return await packs.plan_pack(db, self._repository, request.wish(tuple(without)))

    async def _answer_0(self, body: bytes) -> AsyncIterator[bytes]:
        request = fetch_request(pktline.parse(body))
        if not request.wants:
            return
        async with self._database.transaction() as db:
            head, plan = await self._begin_0(db, request)
        yield head
        if plan is not None:
            size = pktline.BAND_BYTES if "side-band-64k" in request.features else 0
            size = size or (_SMALL_BAND if "side-band" in request.features else 0)
            async for piece in self._pack(plan, size):
                yield piece
            yield pktline.FLUSH if size else b""

    async def _begin_0(
        self, db: AsyncSession, request: FetchRequest
    ) -> tuple[bytes, packs.PackPlan | None]:
        plan, head = None, b""
        if request.is_limited:
            plan = await self._plan(db, request)
            head = _shallow_lines(plan) + pktline.FLUSH
            if not request.haves and not request.is_done:
                return head, None  # it wanted to know where the history ends, and asks again
        known = await packs.negotiate(db, self._repository, request.wish())
        head += _acknowledgments(request, known.common, is_ready=known.is_ready)
        if request.is_done or (known.is_ready and "no-done" in request.features):
            return head, plan or await self._plan(db, request)
        return head, None

    async def _pack(self, plan: packs.PackPlan, band_bytes: int) -> AsyncIterator[bytes]:
        stream = packs.pack_stream(self._database, self._storage, self._repository.id, plan)
        async for block in stream:
            if not band_bytes:
                yield block
            elif band_bytes == pktline.BAND_BYTES:
                yield pktline.band(1, block)
            else:
                for at in range(0, len(block), band_bytes):
                    yield pktline.band(1, block[at : at + band_bytes])


def _shallow_lines(plan: packs.PackPlan) -> bytes:
    lines = [f"shallow {oid}\n" for oid in plan.shallow]
    return pktline.joined([*lines, *(f"unshallow {oid}\n" for oid in plan.unshallow)])


def _acknowledgments(request: FetchRequest, common: Sequence[str], *, is_ready: bool) -> bytes:
    last = [f"ACK {common[-1]}\n"] if common else []
    if "multi_ack_detailed" not in request.features:
        # Without it a client reads one line: the first commit that both have, or that none is.
        return pktline.joined(last[:1] or ["NAK\n"])
    lines = [f"ACK {oid} common\n" for oid in common]
    if request.is_done:
        return pktline.joined([*lines, *(last or ["NAK\n"])])
    if is_ready:
        lines.append(f"ACK {common[-1]} ready\n")
    lines.append("NAK\n")
    if is_ready and "no-done" in request.features:
        lines += last
    return pktline.joined(lines)
