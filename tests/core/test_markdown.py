"""What a writer means and what a reader gets; what a page must never get."""

import pytest

from app.core.markdown import LONGEST, Links, mentioned, render_markdown, render_slotted

READ_AS_MEANT = {
    "**注意：**这里": "<p><strong>注意：</strong>这里</p>",
    "这是**“重点”**内容": "<p>这是<strong>“重点”</strong>内容</p>",
    "**该模型（v2）**的": "<p><strong>该模型（v2）</strong>的</p>",
    "~~删除。~~后": "<p><s>删除。</s>后</p>",
    "***粗斜。***后": "<p><em><strong>粗斜。</strong></em>后</p>",
    "*a* **b**c": "<p><em>a</em> <strong>b</strong>c</p>",
    "**a.**b": "<p>**a.**b</p>",
    "snake_case_word": "<p>snake_case_word</p>",
    "第一行\n第二行": "<p>第一行第二行</p>",
    "one\ntwo": "<p>one\ntwo</p>",
    "$a_1^2$ 和": '<p><span class="math">a_1^2</span> 和</p>',
    "每月 $5，共 $60": "<p>每月 $5，共 $60</p>",
    "$x$，$12.5/月，$3": '<p><span class="math">x</span>，$12.5/月，$3</p>',
    "from $5 to $6": "<p>from $5 to $6</p>",
    "`$x$`": "<p><code>$x$</code></p>",
    "$$\n\\frac{a}{b}\n$$": '<div class="math math-block">\\frac{a}{b}</div>',
    "```math\nx<y\n```": '<div class="math math-block">x&lt;y</div>',
}


@pytest.mark.parametrize(("written", "shown"), READ_AS_MEANT.items())
def test_text_reads_as_its_writer_meant(written: str, shown: str) -> None:
    assert str(render_markdown(written)).strip() == shown


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<p style='position:fixed'>x</p>",
        "<iframe src='/'></iframe>",
        "<form action='/settings'><button>x</button></form>",
        "<svg onload=alert(1)><use href='x'/></svg>",
        '```"><img src=x onerror=alert(1)>\n```',
        "$</span><img src=x onerror=alert(1)>$",
        "<input type=password autofocus onfocus=alert(1)>",
        "<p class='btn menu-panel'>x</p>",
    ],
)
def test_nothing_dangerous_reaches_the_page(hostile: str) -> None:
    shown = str(render_markdown(hostile)).replace("&lt;", "(").lower()
    for word in ("<script", "<iframe", "<form", "<svg", "style=", "<img src=x", "password", "btn"):
        assert word not in shown
    assert 'href="javascript' not in shown
    assert 'href="data' not in shown


def test_an_address_in_chinese_text_ends_where_the_address_ends() -> None:
    shown = str(render_markdown("见 https://example.com/a（说明）后续。"))
    assert 'href="https://example.com/a"' in shown
    assert "</a>（说明）后续。" in shown


def test_relative_addresses_lead_into_the_repository() -> None:
    links = Links(pages="/a/b/blob/main/", files="/a/b/resolve/main/")
    shown = str(render_markdown("![p](img/x.png) [d](docs/a.md) [h](#part)", links))
    assert 'src="/a/b/resolve/main/img/x.png"' in shown
    assert 'href="/a/b/blob/main/docs/a.md"' in shown
    assert 'href="#text-part"' in shown


def test_a_picture_on_another_site_is_a_link_and_not_loaded() -> None:
    shown = str(render_markdown("![cat](https://example.com/c.png) <img src='//example.com/d'>"))
    assert 'href="https://example.com/c.png"' in shown
    assert "src=" not in shown


def test_headings_have_ids_of_their_own_that_cannot_be_the_pages() -> None:
    shown = str(render_markdown("# Content\n\n# Content\n"))
    assert 'id="text-content"' in shown
    assert 'id="text-content-2"' in shown


def test_columns_keep_their_side_without_inline_style() -> None:
    shown = str(render_markdown("|a|b|\n|--:|---|\n|1|2|"))
    assert '<td align="right">1</td>' in shown


def test_a_text_too_long_to_parse_is_shown_as_it_is() -> None:
    shown = str(render_markdown("<b>" + "x" * LONGEST))
    assert shown.startswith("<pre>&lt;b&gt;xxx")


def test_a_name_links_to_its_person_where_people_may_be_named() -> None:
    text = "请@ada看 `@bob` x@eve.org [@cyn](/x) **@li.wei**。"
    markup = render_markdown(text, Links(people="/"))
    assert markup.count('class="mention"') == 2
    assert 'href="/ada"' in markup
    assert 'class="mention"' not in render_markdown(text)
    assert mentioned(text + "\n\n> @quoted") == ["ada", "li.wei"]


def test_neighbouring_blocks_with_a_tab_stand_in_one_box_each_under_its_name() -> None:
    shown = str(
        render_markdown('```py tab="A"\nx\n```\n```py tab="B<b>"\ny\n```\n\n```py\nz\n```\n')
    )
    assert shown.count('<div class="code-tabs">') == 1
    assert '<p class="code-tab-name">A</p>' in shown
    assert "B&lt;b&gt;" in shown
    assert shown.count("<div") == shown.count("</div>") == 3


def test_blocks_of_one_language_are_taken_out_and_the_rest_stays_in_order() -> None:
    text = '# One\n\n- item\n\n  ```recipe claim="a 1 ± 2"\n  x: 1\n  ```\n\nafter\n'
    found = render_slotted(text, "recipe")
    assert [(one.content, one.line, one.value("claim")) for one in found.fences] == [
        ("x: 1\n", 6, "a 1 ± 2")
    ]
    assert [heading.title for heading in found.headings] == ["One"]
    assert "item" in found.pieces[0]
    assert "after" in found.pieces[1]
    assert "x: 1" not in "".join(found.pieces)


def test_a_recipe_is_coloured_as_yaml_where_nothing_runs_it() -> None:
    shown = str(render_markdown("```recipe\nrecipe: 1\n```\n"))
    assert 'class="nt"' in shown


def test_a_quiz_tells_of_each_answer_whether_it_is_right_and_why() -> None:
    lines = "What does a *frozen* layer learn?\n- [ ] $x$ slowly\n- [x] Nothing\nNo `grad`."
    shown = str(render_markdown(f"```quiz\n{lines}\n```"))
    assert '<p class="quiz-question">What does a <em>frozen</em> layer learn?</p>' in shown
    assert shown.count("<details>") == 2
    assert '<p class="quiz-right">✓ No <code>grad</code>.</p>' in shown
    assert '<summary><span class="math">x</span> slowly</summary>' in shown


@pytest.mark.parametrize("text", ["- [x] A", "Q?\n- [ ] A", "Q?", "Q?\n- [x] A\nB\n- [ ] C"])
def test_what_is_no_quiz_stays_a_block_of_code(text: str) -> None:
    assert 'class="highlight"' in str(render_markdown(f"```quiz\n{text}\n```"))


def test_nothing_hostile_comes_in_by_a_quiz() -> None:
    text = "```quiz\n<script>x</script>[a](javascript:x)?\n- [x] <img src=x onerror=x>\n```"
    shown = str(render_markdown(text))
    assert "<script" not in shown
    assert "onerror" not in shown
    assert 'href="javascript' not in shown
