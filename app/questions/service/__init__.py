"""What questions do for the rest of the site; other features call these and nothing deeper."""

from app.questions.queries.lists import is_shown
from app.questions.queries.posts import hold_suggestions_of, release_suggestions
from app.questions.service.accepting import accept, unaccept
from app.questions.service.answering import answer, remark
from app.questions.service.asking import NEW, ask
from app.questions.service.bounties import (
    answer_of,
    best_since,
    credit,
    lock_question,
    set_prize,
)
from app.questions.service.cards import Card, cards_for
from app.questions.service.closing import close, reopen, set_locked, set_pinned
from app.questions.service.drafts import drafts_of, find_draft, forget, keep_draft
from app.questions.service.editing import (
    change_post,
    change_question,
    decide_suggestion,
    hide_post,
    hide_remark,
    roll_back,
    suggestions_of,
    waiting_suggestions,
)
from app.questions.service.erasing import erase_person
from app.questions.service.evidence import MeasuredTrial, evidence_of, note_end
from app.questions.service.holding import note_decision, places
from app.questions.service.listing import (
    changed_since,
    list_questions,
    num_unanswered,
    pinned_questions,
    questions_about,
    questions_answered_by,
    questions_by,
    questions_by_id,
    questions_of_posts,
    whole_questions,
)
from app.questions.service.news import happened_between
from app.questions.service.patches import patch_in
from app.questions.service.reading import (
    best_answers,
    happenings,
    post_words,
    posts_of,
    read_post,
    read_question,
    read_remark,
    remarks_of,
)
from app.questions.service.runs import begin_about, snapshot_of
from app.questions.service.starter import plant_tags
from app.questions.service.tagging import (
    describe,
    find_tag,
    known_tags,
    list_tags,
    make_synonym,
    narrower,
    set_parent,
    synonyms,
    tags_beginning,
    tags_by_id,
)
from app.questions.service.trials import try_patch
from app.questions.service.twins import link, twin_of, unlink
from app.questions.service.voting import vote
from app.questions.service.words import split_tags
from app.questions.tables import Question

__all__ = [
    "NEW",
    "Card",
    "MeasuredTrial",
    "Question",
    "accept",
    "answer",
    "answer_of",
    "ask",
    "begin_about",
    "best_answers",
    "best_since",
    "cards_for",
    "change_post",
    "change_question",
    "changed_since",
    "close",
    "credit",
    "decide_suggestion",
    "describe",
    "drafts_of",
    "erase_person",
    "evidence_of",
    "find_draft",
    "find_tag",
    "forget",
    "happened_between",
    "happenings",
    "hide_post",
    "hide_remark",
    "hold_suggestions_of",
    "is_shown",
    "keep_draft",
    "known_tags",
    "link",
    "list_questions",
    "list_tags",
    "lock_question",
    "make_synonym",
    "narrower",
    "note_decision",
    "note_end",
    "num_unanswered",
    "patch_in",
    "pinned_questions",
    "places",
    "plant_tags",
    "post_words",
    "posts_of",
    "questions_about",
    "questions_answered_by",
    "questions_by",
    "questions_by_id",
    "questions_of_posts",
    "read_post",
    "read_question",
    "read_remark",
    "release_suggestions",
    "remark",
    "remarks_of",
    "reopen",
    "roll_back",
    "set_locked",
    "set_parent",
    "set_pinned",
    "set_prize",
    "snapshot_of",
    "split_tags",
    "suggestions_of",
    "synonyms",
    "tags_beginning",
    "tags_by_id",
    "try_patch",
    "twin_of",
    "unaccept",
    "unlink",
    "vote",
    "waiting_suggestions",
    "whole_questions",
]
