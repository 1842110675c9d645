"""What badges are called, and what they are given for."""

from app.badges.schemas import Badge, BadgeView, Metal
from app.core.i18n import _


def view(badge: Badge, num_people: int = 0) -> BadgeView:
    """Return a badge in the reader's language."""
    name, sentence = _words()[badge]
    return BadgeView(badge, badge.metal, name, sentence, num_people)


def metal(one: Metal) -> str:
    """Return what a metal is called."""
    return {
        Metal.GOLD: _("Gold"),
        Metal.SILVER: _("Silver"),
        Metal.BRONZE: _("Bronze"),
    }[one]


def _words() -> dict[Badge, tuple[str, str]]:
    return {
        Badge.REPRODUCED: (
            _("Reproduced ×10"),
            _("Ten other people ran a recipe of a tutorial of theirs to its end and shared it."),
        ),
        Badge.GREAT_ANSWER: (_("Great answer"), _("An answer of theirs has 25 votes.")),
        Badge.FIFTY_SOLUTIONS: (
            _("Problem solver"),
            _("Fifty answers of theirs solved a question of somebody else."),
        ),
        Badge.TEN_ANSWERS: (_("Ten good answers"), _("Ten answers of theirs have 3 votes each.")),
        Badge.VERIFIED_ANSWER: (
            _("Verified answer"),
            _("A run of somebody did better with the change to the recipe in an answer of theirs."),
        ),
        Badge.HELPFUL_EDITOR: (_("Helpful editor"), _("Ten edits they suggested were published.")),
        Badge.BOUNTY_WON: (_("Bounty hunter"), _("An answer of theirs won a bounty.")),
        Badge.WATCHFUL: (_("Watchful"), _("The moderators agreed with ten of their reports.")),
        Badge.WELL_LIKED: (
            _("Well liked"),
            _("Ten other people like a public model or data set of theirs."),
        ),
        Badge.FIRST_SOLUTION: (
            _("First solution"),
            _("An answer of theirs solved a question of somebody else."),
        ),
        Badge.GOOD_QUESTION: (_("Good question"), _("A question of theirs has 3 votes.")),
        Badge.TEACHER: (_("Teacher"), _("They published a tutorial.")),
        Badge.EDITOR: (_("Editor"), _("An edit they suggested was published.")),
        Badge.BENEFACTOR: (_("Benefactor"), _("They awarded a bounty to somebody's answer.")),
    }
