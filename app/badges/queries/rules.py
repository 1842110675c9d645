"""What each badge asks for: a query that names the people who have earned it.

The queries read tables of other features by name; nothing else here may, and a test runs them all,
so that whoever renames a column sees it. Hidden posts and private things count for nothing.
"""

from app.badges.schemas import Badge

# An answer that everybody can read, and its author.
_ANSWERS = """
    FROM questions_post p JOIN questions_question q ON q.id = p.question_id
    WHERE NOT p.is_question AND p.is_counted AND NOT q.is_hidden
"""


def _sum(name: str, least: int) -> str:
    return f"SELECT account_id FROM reputation_standing WHERE {name} >= {least}"  # noqa: S608  # only from here


RULES: dict[Badge, str] = {
    Badge.FIRST_SOLUTION: _sum("num_accepted", 1),
    Badge.FIFTY_SOLUTIONS: _sum("num_accepted", 50),
    Badge.EDITOR: _sum("num_edits_approved", 1),
    Badge.HELPFUL_EDITOR: _sum("num_edits_approved", 10),
    Badge.WATCHFUL: _sum("num_reports_helpful", 10),
    Badge.TEN_ANSWERS: f"SELECT p.author_id {_ANSWERS} AND p.score >= 3"
    " GROUP BY p.author_id HAVING count(*) >= 10",
    Badge.GREAT_ANSWER: f"SELECT DISTINCT p.author_id {_ANSWERS} AND p.score >= 25",
    Badge.VERIFIED_ANSWER: f"SELECT DISTINCT p.author_id {_ANSWERS} AND p.num_better > p.num_worse",
    Badge.GOOD_QUESTION: """
        SELECT DISTINCT author_id FROM questions_question WHERE score >= 3 AND NOT is_hidden
    """,
    Badge.TEACHER: """
        SELECT DISTINCT t.owner_id FROM tutorials_tutorial t
        JOIN tutorials_version v ON v.tutorial_id = t.id WHERE t.held_at IS NULL
    """,
    Badge.REPRODUCED: """
        SELECT DISTINCT t.owner_id FROM tutorials_tutorial t
        JOIN tutorials_run r ON r.tutorial_id = t.id AND r.shared
        JOIN jobs_job j ON j.id = r.job_id AND j.state = 'succeeded' AND j.owner_id <> t.owner_id
        WHERE t.held_at IS NULL
        GROUP BY t.id, t.owner_id HAVING count(DISTINCT j.owner_id) >= 10
    """,
    Badge.BOUNTY_WON: """
        SELECT DISTINCT winner_id FROM bounties_bounty WHERE state IN ('awarded', 'halved')
    """,
    Badge.BENEFACTOR: """
        SELECT DISTINCT giver_id FROM bounties_bounty WHERE state = 'awarded'
    """,
    Badge.WELL_LIKED: """
        SELECT DISTINCT r.owner_id FROM hub_repository r
        JOIN hub_like l ON l.repository_id = r.id AND l.user_id <> r.owner_id
        WHERE NOT r.private GROUP BY r.id, r.owner_id HAVING count(*) >= 10
    """,
}
