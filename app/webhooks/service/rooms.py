"""Messages for the robots of chat rooms: Feishu (Lark), DingTalk and WeCom.

Each takes a text in a shape of its own and signs in a way of its own; WeCom does not sign. They
answer 200 also when they refuse, and say so in the body.
"""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

from app.core.i18n import _
from app.webhooks.schemas import Style

# The shortest of the limits of the three.
_MOST_CHARS = 600


def message(style: Style, url: str, secret: str, words: str, moment: float) -> tuple[str, bytes]:
    """Return where and what to send; `moment` is the time in seconds, which is signed."""
    text = {"content": words}
    body: dict[str, Any] = {"msgtype": "text", "text": text}
    if style is Style.FEISHU:
        body = {"msg_type": "text", "content": {"text": words}}
        if secret:
            stamp = str(int(moment))
            body |= {"timestamp": stamp, "sign": _signed(f"{stamp}\n{secret}", "")}
    elif style is Style.DINGTALK and secret:
        stamp = str(int(moment * 1000))
        proof = urlencode({"timestamp": stamp, "sign": _signed(secret, f"{stamp}\n{secret}")})
        url += ("&" if "?" in url else "?") + proof
    return url, json.dumps(body, ensure_ascii=False).encode()


def _signed(key: str, words: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), words.encode(), hashlib.sha256)).decode()


def is_refusal(answer: bytes) -> bool:
    """Whether a robot says that it did not take a message."""
    try:
        told = json.loads(answer)
    except ValueError:
        return False
    return isinstance(told, dict) and any(told.get(key) for key in ("errcode", "code"))


def sentence(payload: dict[str, Any]) -> str:
    """Return what happened in a sentence, what was said, and where to look."""
    name = payload["repo"]["name"]
    talk, said = payload.get("discussion"), payload.get("comment")
    place = (talk or payload["repo"])["url"]["web"]
    words = [_happened(payload, name)]
    if said and said["content"]:
        words.append(said["content"][:_MOST_CHARS])
    return "\n".join([*words, said["url"]["web"] if said else place])


def _happened(payload: dict[str, Any], name: str) -> str:
    event, talk = payload["event"], payload.get("discussion") or {}
    told = {"name": name, "title": str(talk.get("title", ""))[:200]}
    match event["scope"], event["action"]:
        case "discussion", "create" if talk.get("isPullRequest"):
            words = _("New pull request for %(name)s: %(title)s")
        case "discussion", "create":
            words = _("New discussion of %(name)s: %(title)s")
        case "discussion.comment", "create":
            words = _("New comment on %(name)s: %(title)s")
        case (("discussion" | "discussion.comment"), _action):
            words = _("Something changed in a discussion of %(name)s: %(title)s")
        case "repo.content", _action:
            words = _("%(name)s has new commits.")
        case "repo", "create":
            words = _("%(name)s is new.")
        case "repo", "delete":
            words = _("%(name)s was deleted.")
        case "repo", "move":
            words = _("%(name)s has moved.")
        case _:
            words = _("The settings of %(name)s were changed.")
    return words % told
