"""Taking a push: check its refs, check its objects, store them, and move the refs; or do nothing.

Runs inside one transaction of the caller, who rolls it back when a `PushRefusedError` comes out.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from app.core.db import AsyncSession
from app.core.errors import AppError, InvalidError
from app.core.events import emit
from app.core.i18n import _
from app.core.security import Viewer
from app.core.storage import BlobStore
from app.hub import policy
from app.hub.events import CommitPushed, RefChanged
from app.hub.paths import check_ref_name
from app.hub.queries import objects as queries
from app.hub.queries import packs, repositories, walks
from app.hub.schemas import MAIN
from app.hub.schemas.packs import RefResult, RefUpdate
from app.hub.service import cards
from app.hub.service.packs import fsck
from app.hub.service.packs import graph as graphs
from app.hub.service.packs.checking import Checker, NewCommits
from app.hub.service.packs.objects import Holdings
from app.hub.service.packs.reading import BLOB, COMMIT, TAG, TREE, PackFile
from app.hub.service.packs.storing import Indexer, store_objects
from app.hub.service.revisions import BRANCHES, PULL_REQUESTS, TAGS
from app.hub.tables import Repository
from app.quotas import service as quotas
from app.quotas.schemas import Kind

log = structlog.get_logger(__name__)

ZERO = "0" * 40
_MAX_UPDATES = 1000
_SMALL_PACK_BYTES = 1 << 20


class PushRefusedError(AppError):
    """Nothing of a push may stay; `results` say what each ref is told."""

    def __init__(self, results: Sequence[RefResult]) -> None:
        super().__init__("This push was refused.")
        self.results = tuple(results)


@dataclass
class _Target:
    """Where a ref is to point: the commit, and the tag object in between if there is one."""

    commit: str
    tag: str = ""
    raw: bytes = b""
    message: str = ""


@dataclass
class Push:
    """One push by one person to one repository."""

    db: AsyncSession
    storage: BlobStore
    viewer: Viewer
    repository: Repository
    pack: PackFile | None
    _tags: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)

    async def take(self, updates: Sequence[RefUpdate], *, is_atomic: bool) -> list[RefResult]:
        """Do what the push asks; return what became of each ref.

        Raises:
            PushRefusedError: an object is not acceptable, or the push is to move all or none.
        """
        if len(updates) > _MAX_UPDATES:
            raise PushRefusedError(_all(updates, _("too many refs at once")))
        tags = await packs.annotated_tags(self.db, self.repository.id)
        self._tags = {tag.oid: (tag.ref, tag.commit, tag.raw) for tag in tags}
        results = {u.name: await self._check_ref(u) for u in updates}
        if len(results) < len(updates):
            raise PushRefusedError(_all(updates, _("the same ref twice")))
        good = [u for u in updates if not results[u.name].reason]
        if is_atomic and len(good) < len(updates):
            raise PushRefusedError(
                [
                    r if r.reason else RefResult(r.name, _("another ref of this push was refused"))
                    for r in results.values()
                ]
            )
        try:
            if good:
                async with quotas.growing(self.db, self.repository.owner_id):
                    await self._apply(good)
        except PushRefusedError:
            raise
        except AppError as error:
            refused = {u.name: RefResult(u.name, error.message, error.fix) for u in good}
            raise PushRefusedError(list((results | refused).values())) from error
        return list(results.values())

    async def _check_ref(self, update: RefUpdate) -> RefResult:
        try:
            await self._may_move(update)
        except AppError as error:
            return RefResult(update.name, error.message, error.fix)
        return RefResult(update.name)

    async def _may_move(self, update: RefUpdate) -> None:
        prefix = next((p for p in (BRANCHES, TAGS, PULL_REQUESTS) if update.name.startswith(p)), "")
        if not prefix:
            raise InvalidError(
                _("A push may move branches, tags and refs/pr/N only."), code="bad_ref_name"
            )
        check_ref_name(update.name.removeprefix(prefix))
        if not await policy.may_commit_to(self.db, self.viewer, self.repository, update.name):
            raise policy.forbidden()
        current = await queries.ref(self.db, self.repository.id, update.name)
        if update.new == ZERO and update.name == BRANCHES + MAIN:
            raise InvalidError(_("The branch main cannot be deleted."))
        if prefix == PULL_REQUESTS and (current is None or update.new == ZERO):
            raise InvalidError(
                _("A pull request is opened and closed on its page, not by a push."),
                fix=_("Open it on the site, then push to its ref."),
            )
        if current is not None and current.is_frozen:
            raise InvalidError(_("Its pull request is closed or merged."))
        if self._shown(update.name, current.target if current else ZERO) != update.old:
            raise _moved()

    def _shown(self, name: str, target: str) -> str:
        """Return the id that git was told for a ref: the tag object's, where there is one."""
        found = (
            oid
            for oid, (ref, commit, _raw) in self._tags.items()
            if (ref, commit) == (name, target)
        )
        return next(found, target)

    async def _apply(self, updates: Sequence[RefUpdate]) -> None:
        await self._require_room()
        await self._complete_pack()
        targets = {u.name: await self._target(u) for u in updates if u.new != ZERO}
        new = NewCommits()
        if self.pack is not None:
            checker = Checker(self.db, self.repository.id, self.pack)
            new = await checker.check([target.commit for target in targets.values()])
            for name, target in targets.items():
                if not name.startswith(TAGS):
                    about_data = cards.is_dataset(self.repository)
                    await checker.check_card(target.commit, is_dataset=about_data)
        for target in targets.values():
            await self._check_known(target.commit, new)
        if self.pack is not None:
            sender = self.viewer.user_id
            await store_objects(self.db, self.storage, self.repository, self.pack, new, sender)
        # One order for everybody, so that two pushes never wait for each other; all of them before
        # the first moves, for with that the owner's counters are held as well.
        for update in sorted(updates, key=lambda u: u.name):
            await queries.ref(self.db, self.repository.id, update.name, lock=True)
        for update in sorted(updates, key=lambda u: u.name):
            await self._move(update, targets.get(update.name), new)

    async def _require_room(self) -> None:
        """What is sent must fit as it is; without much in it a push may be what makes room."""
        size = self.pack.size if self.pack is not None else 0
        if size > _SMALL_PACK_BYTES:
            await quotas.require_room(self.db, self.repository.owner_id, {Kind.BYTES: size})

    async def _complete_pack(self) -> None:
        """Give a thin pack the objects it stands on, out of this repository only."""
        if self.pack is None:
            return
        missing = await asyncio.to_thread(self.pack.index)
        holdings = Holdings(self.db, self.repository.id)
        while missing:
            for oid in sorted(missing):
                self.pack.add_base(oid, *(await self._base(holdings, oid)))
            missing = await asyncio.to_thread(self.pack.resolve)

    async def _base(self, holdings: Holdings, oid: str) -> tuple[int, bytes]:
        if await walks.nodes(self.db, self.repository.id, [oid]):
            return COMMIT, (await packs.commit_raws(self.db, self.repository.id, [oid]))[0][1]
        if oid in self._tags:
            return TAG, self._tags[oid][2]
        if await holdings.search(lambda seen: oid in seen.trees or oid in seen.blobs):
            if oid in holdings.seen.trees:
                return TREE, (await queries.trees(self.db, [oid]))[oid]
            blob = await queries.blob(self.db, oid)
            if blob is not None:
                key = blob.storage_key
                return BLOB, await self.storage.read_all(key) if key else blob.inline or b""
        raise InvalidError(
            _("The pack stands on the object %(oid)s, which is not in this repository.")
            % {"oid": oid},
            fix=_("Fetch first, then push again."),
            code="missing_object",
        )

    async def _target(self, update: RefUpdate) -> _Target:
        sent = self.pack.objects.get(update.new) if self.pack else None
        if sent is not None and self.pack is not None and sent.kind == TAG:
            raw = self.pack.read(update.new)
            return self._tag_target(update, raw)
        if sent is None and update.new in self._tags:
            return self._tag_target(update, self._tags[update.new][2])
        if sent is not None and sent.kind != COMMIT:
            raise InvalidError(
                _("%(ref)s can point at a commit only.") % {"ref": update.name}, code="bad_ref"
            )
        return _Target(update.new)

    def _tag_target(self, update: RefUpdate, raw: bytes) -> _Target:
        tag = fsck.strict_tag(update.new, raw)
        if not update.name.startswith(TAGS):
            raise InvalidError(
                _("%(ref)s can point at a commit only.") % {"ref": update.name}, code="bad_ref"
            )
        return _Target(tag.target, update.new, raw, tag.message.strip())

    async def _check_known(self, commit: str, new: NewCommits) -> None:
        if commit in {c.oid for c in new.commits}:
            return
        if not await walks.nodes(self.db, self.repository.id, [commit]):
            raise InvalidError(
                _("The commit %(oid)s was neither sent nor is it in this repository.")
                % {"oid": commit},
                code="missing_object",
            )

    async def _move(self, update: RefUpdate, target: _Target | None, new: NewCommits) -> None:
        name, repository_id = update.name, self.repository.id
        current = await queries.ref(self.db, repository_id, name, lock=True)
        before = current.target if current is not None else ZERO
        if self._shown(name, before) != update.old:
            raise _moved()
        if target is None:
            await packs.delete_ref(self.db, repository_id, name, before)
            emit(self.db, RefChanged(repository_id, name, before, ""))
            return
        await self._check_foreign(update, current.owner_id if current else None, target)
        if current is None:
            moved = await packs.add_ref(self.db, repository_id, name, target.commit)
        else:
            moved = await queries.move_ref(self.db, repository_id, name, before, target.commit)
        if not moved:
            raise _moved()
        if name.startswith(TAGS):
            await self._write_tag(name, target)
            old = before if current is not None else ""
            emit(self.db, RefChanged(repository_id, name, old, target.commit))
        else:
            await self._follow(name, before, target.commit, new)

    async def _check_foreign(
        self, update: RefUpdate, owner_id: int | None, target: _Target
    ) -> None:
        """Let nobody rewrite the history of a pull request that somebody else opened."""
        if not update.name.startswith(PULL_REQUESTS) or owner_id == self.viewer.user_id:
            return
        graph = graphs.Graph(self.db, self.repository.id)
        if not await graphs.reaches(graph, target.commit, update.old):
            raise InvalidError(
                _("Only who opened a pull request may rewrite its history."),
                fix=_("Add commits on top of it instead."),
            )

    async def _write_tag(self, name: str, target: _Target) -> None:
        if not target.tag:
            await packs.drop_annotated_tag(self.db, self.repository.id, name)
            return
        row = {
            "repository_id": self.repository.id,
            "ref": name,
            "oid": target.tag,
            "commit": target.commit,
            "raw": target.raw,
        }
        await packs.set_annotated_tag(self.db, row)
        await packs.set_ref_message(self.db, self.repository.id, name, target.message)

    async def _follow(self, name: str, before: str, oid: str, new: NewCommits) -> None:
        # Read anew under the lock: another commit may have changed size and head meanwhile.
        fresh = await repositories.fresh_repository(self.db, self.repository.id)
        repository = fresh or self.repository
        old = await queries.commit_by_oid(self.db, repository.id, before)
        tip = await queries.commit_by_oid(self.db, repository.id, oid)
        if tip is None:
            raise _moved()
        await Indexer(self.db, self.storage, repository, new).move(name, old, tip)
        branch = name.removeprefix(BRANCHES)
        sender, old_oid = self.viewer.user_id, old.oid if old else ""
        emit(self.db, CommitPushed(repository.id, branch, oid, sender, old_oid))
        log.info(
            "branch_pushed",
            repository_id=repository.id,
            ref=name,
            oid=oid,
            num_commits=len(new.commits),
            user_id=self.viewer.user_id,
        )


def _all(updates: Sequence[RefUpdate], reason: str) -> list[RefResult]:
    return [RefResult(name, reason) for name in dict.fromkeys(u.name for u in updates)]


def _moved() -> InvalidError:
    return InvalidError(
        _("The branch has moved since you fetched it."),
        fix=_("Run git pull, then push again."),
        code="stale",
    )
