"""Two languages: a reader who prefers Chinese reads Chinese on every page."""

import re

from app.tutorials.schemas import TutorialText
from app.tutorials.service import publish
from tests.acceptance.conftest import Village

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9"}
PAGES = """
/ /models /datasets /tutorials /tutorials/lesson /questions /questions?sort=unanswered /tags
/tags/overfitting /questions/1 /questions/1/history /questions/by/ada /collections /search?q=ada
/search?q=zzzz /login /signup /forgot-password /moderation/log /ada /ada/net /ada/net/tree/main
/ada/net/commits/main /ada/net/discussions /ada/net/discussions/1 /posts/1/history
/tutorials/lesson/history
"""
OWN = """
/ /jobs /fine-tune /sweeps /compare /new /imports /questions/ask /drafts /posts/1/edit
/notifications /notifications/why /settings/profile /settings/password /settings/email
/settings/security /settings/sessions /settings/tokens /settings/organizations /settings/data
/settings/webhooks /settings/notifications /settings/feeds /settings/reports /settings/standing
/organizations/new /collections/new /tutorials/mine /tutorials/new /comparisons/new
/moderation /moderation/appeals /moderation/accounts/bob /moderation/report/comment/1 /device
"""
# Not sentences of ours: code, formulas, what people wrote, and what is said to be English.
_OTHERS = re.compile(
    r"<(script|style|pre|code|kbd|textarea|option)\b.*?</\1>"
    r'|<(\w+)[^>]*\blang="en"[^>]*>.*?</\2>',
    re.DOTALL,
)
_SENTENCE = re.compile(r"[A-Za-z][a-z']+(?: [A-Za-z][a-z']+){2,}")


def english_in(page: str) -> list[str]:
    """Return runs of three English words or more that stand in the text or a label of a page."""
    body = _OTHERS.sub(" ", page.partition("<body")[2])
    labels = re.findall(r'(?:aria-label|placeholder|title|alt)="([^"]*)"', body)
    nodes = [*re.sub(r"<[^>]*>", "\n", body).split("\n"), *labels]
    return sorted({one.strip() for one in nodes if _SENTENCE.search(one)})


async def test_who_prefers_chinese_reads_no_english_sentence_on_sixty_pages(
    village: Village,
) -> None:
    async with village.database.transaction() as db:
        await publish(db, "lesson", TutorialText("zh-CN", "两步微调", "先冻结", "正文。"))
    await village.ask("ada", title="为什么模型会过拟合？", body="试试什么？")
    await village.answer(1, "bob", "用更多数据。")
    await village.discuss("eve", "为什么", "文字")
    found: dict[str, list[str]] = {}
    for who, paths in (("", PAGES.split()), ("mia", OWN.split())):
        for path in paths:
            page = await village.page(path, who, **CHINESE)
            assert re.search(r'<html[^>]* lang="zh-CN"', page), path
            if english := english_in(page):
                found[f"{who} {path}"] = english
    assert found == {}
