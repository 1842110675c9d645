"""Templates compile, and markup enters a page unescaped only where this list says so."""

from pathlib import Path

import pytest
from jinja2 import nodes

from app.core.files import resource_dir
from app.core.templating import environment

TEMPLATES = sorted(
    str(path.relative_to(resource_dir("templates")))
    for path in resource_dir("templates").rglob("*.html")
)
# template: why its value is safe
SAFE_FILTER: dict[str, str] = {}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles(name: str) -> None:
    environment().get_template(name)


def test_unescaped_markup_stands_only_where_it_is_listed() -> None:
    using = set()
    for name in TEMPLATES:
        source = (resource_dir("templates") / name).read_text()
        tree = environment().parse(source)
        if any(node.name == "safe" for node in tree.find_all(nodes.Filter)):
            using.add(name)
    assert using == set(SAFE_FILTER)


def test_no_template_carries_script_or_style_of_its_own() -> None:
    # A letter brings no style sheet, and readers of letters run no script.
    carrying = {
        name
        for name in TEMPLATES
        if not name.startswith("mail/")
        and _has_inline_code((resource_dir("templates") / name).read_text())
    }
    assert carrying == set()


def _has_inline_code(source: str) -> bool:
    lowered = source.lower()
    handlers = (" onclick=", " onload=", " onsubmit=", " onchange=", " style=", "<style")
    return any(handler in lowered for handler in handlers) or "<script>" in lowered


def test_there_are_templates_to_check() -> None:
    assert Path(resource_dir("templates"), "base.html").is_file()
