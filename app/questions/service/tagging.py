"""Tags: which ones a question is filed under, their synonyms, and the wider tags above them."""

from collections.abc import Collection, Sequence

from app.core.db import AsyncSession
from app.core.errors import (
    BadRequestError,
    ConflictError,
    Detail,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from app.core.events import announce
from app.core.i18n import _
from app.core.pagination import Page, decode_cursor, encode_cursor
from app.core.security import Viewer
from app.questions.events import TagMerged
from app.questions.queries import tags as queries
from app.questions.schemas import TagView
from app.questions.service.words import check_tags
from app.questions.tables import Question, QuestionTag, Tag
from app.reputation import service as reputation
from app.reputation.schemas import Ability

# A tag's tag's tag: deeper trees help nobody find anything.
MAX_DEPTH = 4
MAX_ABOUT = 2000
_MANY = 100


async def resolve(db: AsyncSession, viewer: Viewer, names: list[str]) -> list[Tag]:
    """Return the main tags of what somebody typed; new ones are made.

    Raises:
        InvalidError: one of them cannot be a tag, or there are none or too many.
        ForbiddenError: one does not exist yet, and the viewer may not make tags.
    """
    wanted = check_tags(names)
    if not wanted:
        problem = _("A question needs a tag, so that those who know can find it.")
        raise InvalidError(problem, code="no_tag", details=[Detail("tags", problem)])
    found = await queries.by_names(db, wanted)
    if fresh := [name for name in wanted if name not in found]:
        await _make(db, viewer, fresh)
        found = await queries.by_names(db, wanted)
    mains = await _mains(db, [found[name] for name in wanted])
    return list({tag.id: tag for tag in mains}.values())


async def _make(db: AsyncSession, viewer: Viewer, names: Sequence[str]) -> None:
    if Ability.CREATE_TAG not in await reputation.abilities_of(db, viewer):
        problem = _("There is no tag “%(name)s” yet.") % {"name": names[0]}
        fix = _("Choose from the list of tags; who has written well-liked posts may make new ones.")
        raise ForbiddenError(
            problem, fix=fix, code="unknown_tag", details=[Detail("tags", problem, fix)]
        )
    for name in sorted(names):
        await queries.add_tag(db, name)


async def _mains(db: AsyncSession, tags: Sequence[Tag]) -> list[Tag]:
    targets = await queries.by_ids(db, {t.synonym_of_id for t in tags if t.synonym_of_id})
    return [targets.get(tag.synonym_of_id or 0, tag) for tag in tags]


async def file_under(db: AsyncSession, question: Question, tags: Sequence[Tag]) -> list[int]:
    """File a question under these tags and the wider ones above them; return all their ids."""
    own = [tag.id for tag in tags]
    wider = await _above(db, tags)
    wanted = {tag_id: tag_id in own for tag_id in [*own, *(i for i in wider if i not in own)]}
    held = {row.tag_id: row for row in await queries.rows_of(db, question.id)}
    gone, fresh = set(held) - set(wanted), set(wanted) - set(held)
    if gone:
        await queries.remove_from(db, question.id, gone)
    if gone and not question.is_hidden:
        await queries.count(db, gone, -1)
    for position, (tag_id, is_own) in enumerate(wanted.items()):
        if tag_id in held:
            held[tag_id].is_own, held[tag_id].position = is_own, position
        else:
            db.add(_row(tag_id, question, is_own=is_own, position=position))
    await db.flush()
    if fresh and not question.is_hidden:
        await queries.count(db, fresh, 1)
    return list(wanted)


def _row(tag_id: int, question: Question, *, is_own: bool, position: int) -> QuestionTag:
    return QuestionTag(
        tag_id=tag_id,
        question_id=question.id,
        is_own=is_own,
        position=position,
        score=question.score,
        active_at=question.active_at,
    )


async def _above(db: AsyncSession, tags: Sequence[Tag]) -> list[int]:
    found: list[int] = []
    level = {tag.parent_id for tag in tags if tag.parent_id}
    for _depth in range(MAX_DEPTH):
        level -= set(found)
        if not level:
            break
        found += sorted(level)
        parents = await queries.by_ids(db, level)
        level = {tag.parent_id for tag in parents.values() if tag.parent_id}
    return found


async def keep_in_step(db: AsyncSession, question: Question) -> None:
    """Write a question's sort keys where its tags' pages read them."""
    await queries.keep_in_step(db, question.id, question.score, question.active_at)


async def find_tag(db: AsyncSession, name: str) -> TagView:
    """Return a tag; a synonym's name returns the tag it leads to.

    Raises:
        NotFoundError: there is none.
    """
    found = (await queries.by_names(db, [name.lower()])).get(name.lower())
    if found is None:
        raise NotFoundError(_("There is no such tag."), fix=_("Look through the list of tags."))
    return (await _views(db, await _mains(db, [found])))[0]


async def known_tags(db: AsyncSession, names: Sequence[str]) -> list[TagView]:
    """Return those of some tags that exist, synonyms as their main tags."""
    found = await queries.by_names(db, names)
    return await _views(db, await _mains(db, [found[name] for name in names if name in found]))


async def tags_by_id(db: AsyncSession, ids: Collection[int]) -> list[TagView]:
    """Return those of some tags that exist."""
    found = await queries.by_ids(db, ids) if ids else {}
    return await _views(db, list(found.values()))


async def narrower(db: AsyncSession, tag_id: int) -> list[TagView]:
    """Return the narrower tags of a tag."""
    return await _views(db, await queries.children(db, tag_id, _MANY))


async def synonyms(db: AsyncSession, tag_id: int) -> list[str]:
    """Return the names that lead to a tag."""
    return [tag.name for tag in await queries.synonyms(db, tag_id, _MANY)]


async def list_tags(db: AsyncSession, cursor: str = "", limit: int = 60) -> Page[TagView]:
    """Return tags, the most used first.

    Raises:
        BadRequestError: the cursor is not one of ours.
    """
    after = None
    if cursor:
        used, number = decode_cursor(cursor, 2)
        if not isinstance(used, int) or not isinstance(number, int):
            raise BadRequestError(
                _("This page address is not valid."), fix=_("Start from the first page.")
            )
        after = (used, number)
    found = await queries.most_used(db, after, limit + 1)
    shown = found[:limit]
    following = None
    if len(found) > limit:
        following = encode_cursor([shown[-1].num_questions, shown[-1].id])
    return Page(await _views(db, shown), following)


async def tags_beginning(db: AsyncSession, start: str, limit: int = 8) -> list[TagView]:
    """Return main tags whose name, or a synonym's, begins so."""
    found = await _mains(db, await queries.beginning(db, start.strip().lower(), limit))
    return await _views(db, list({tag.id: tag for tag in found}.values()))


async def _views(db: AsyncSession, tags: Sequence[Tag]) -> list[TagView]:
    parents = await queries.by_ids(db, {tag.parent_id for tag in tags if tag.parent_id})
    return [
        TagView(
            id=tag.id,
            name=tag.name,
            num_questions=tag.num_questions,
            parent=parents[tag.parent_id].name if tag.parent_id in parents else "",
            about_en=tag.about_en,
            about_zh=tag.about_zh,
        )
        for tag in tags
    ]


async def describe(  # whose, which, in both languages
    db: AsyncSession, viewer: Viewer, name: str, about_en: str, about_zh: str
) -> TagView:
    """Say what a tag is about.

    Raises:
        ForbiddenError: the viewer has not earned to curate.
        NotFoundError: there is no such tag.
    """
    await reputation.require(db, viewer, Ability.CURATE)
    row = await _row_of(db, name)
    row.about_en, row.about_zh = about_en.strip()[:MAX_ABOUT], about_zh.strip()[:MAX_ABOUT]
    await db.flush()
    return (await _views(db, [row]))[0]


async def set_parent(db: AsyncSession, viewer: Viewer, name: str, parent: str) -> TagView:
    """Put a tag under a wider one, or with an empty `parent` on top; its questions follow.

    Raises:
        ForbiddenError: the viewer has not earned to curate.
        NotFoundError: there is no such tag.
        ConflictError: the wider tag stands below this one, or too deep already.
    """
    await reputation.require(db, viewer, Ability.CURATE)
    row = await _row_of(db, name)
    wider = await _row_of(db, parent) if parent else None
    above = [wider.id, *await _above(db, [wider])] if wider else []
    if row.id in above or len(above) >= MAX_DEPTH:
        raise ConflictError(
            _("“%(parent)s” stands below “%(name)s”, or the tree would be too deep.")
            % {"parent": parent, "name": name}
        )
    await queries.replace_above(db, row.id, await _above(db, [row]), above)
    row.parent_id = wider.id if wider else None
    await db.flush()
    return (await _views(db, [row]))[0]


async def make_synonym(db: AsyncSession, viewer: Viewer, name: str, main: str) -> TagView:
    """Let `name` lead to `main` from now on; what is filed under `name` moves there.

    Raises:
        ForbiddenError: the viewer has not earned to curate.
        NotFoundError: there is no tag `main`.
        ConflictError: `main` is itself a synonym, or the same tag.
    """
    await reputation.require(db, viewer, Ability.CURATE)
    target = await _row_of(db, main)
    [wanted] = check_tags([name]) or [""]
    await queries.add_tag(db, wanted)
    row = await _row_of(db, wanted)
    if target.id == row.id or target.synonym_of_id is not None:
        raise ConflictError(_("A synonym leads to a tag that is none itself."))
    if target.parent_id == row.id:
        target.parent_id = row.parent_id
    await queries.move_narrower(db, row.id, target.id)
    row.synonym_of_id, row.parent_id = target.id, None
    await db.flush()
    for question in await queries.questions_under(db, row.id):
        names = [name for _q, _tag, name in await queries.tags_of(db, [question.id])]
        tags = await _mains(db, list((await queries.by_names(db, names)).values()))
        await file_under(db, question, list({tag.id: tag for tag in tags}.values()))
    await queries.recount(db, [row.id, target.id])
    await announce(db, TagMerged(row.id, target.id))
    await db.refresh(target)
    return (await _views(db, [target]))[0]


async def _row_of(db: AsyncSession, name: str) -> Tag:
    found = (await queries.by_names(db, [name.lower()])).get(name.lower())
    if found is None:
        raise NotFoundError(_("There is no such tag."), fix=_("Look through the list of tags."))
    return found
