"""A question for the reader inside a text: choose an answer, and see whether it was right.

    ```quiz
    What does a frozen layer learn?
    - [ ] Slowly, with a small rate
    - [x] Nothing
    Its weights get no gradient.
    ```

Each answer opens by itself, so it works without scripts and by keyboard; what stands below the
answers explains them all. The marks are signs and not words: markup is kept for every language.
"""

import re
from collections.abc import Callable

_ANSWER = re.compile(r"[-*+] +\[([ xX])\] +(\S.*)")
_RIGHT, _WRONG = "✓", "✗"


def quiz_markup(content: str, inline: Callable[[str], str]) -> str:
    """Return the markup of a quiz; empty if it has no question, no answers or no right one.

    Args:
        content: the lines of the block.
        inline: turns a line of Markdown into markup.
    """
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    found = [_ANSWER.fullmatch(line) for line in lines]
    places = [number for number, answer in enumerate(found) if answer]
    if not places or places[0] == 0 or places != list(range(places[0], places[-1] + 1)):
        return ""
    answers = [answer for answer in found if answer]
    if all(answer[1] == " " for answer in answers):
        return ""
    asked = inline(" ".join(lines[: places[0]]))
    why = inline(" ".join(lines[places[-1] + 1 :]))
    shown = "".join(_answer(inline(one[2]), why, is_right=one[1] != " ") for one in answers)
    return f'<div class="quiz"><p class="quiz-question">{asked}</p>{shown}</div>\n'


def _answer(words: str, why: str, *, is_right: bool) -> str:
    kind, mark = ("quiz-right", _RIGHT) if is_right else ("quiz-wrong", _WRONG)
    return f'<details><summary>{words}</summary><p class="{kind}">{mark} {why}</p></details>'
