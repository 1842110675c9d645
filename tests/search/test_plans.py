"""How the index is asked of many texts: by the index of words, whatever else the planner may do."""

from collections.abc import Iterator

import psycopg
import pytest

from app.search.query import parse
from app.search.words import without_places

SEED = """
INSERT INTO search_document (kind, subject_id, language, part, private, place, title, body, labels,
  author, words, quality, score, created_at, updated_at)
SELECT 'tutorial', n, 'zh', 0, false, '/tutorials/' || n, 'title', '', '{kind:tutorial}', '',
  (SELECT string_agg(format('''w%s'':%s', (n * k) % 4999, k), ' ') FROM generate_series(1, 30) k)
    ::tsvector
  || (CASE WHEN n % 50 = 0 THEN '''微调'':40 ''过拟'':41 ''拟合'':42'
    ELSE '''模型'':40' END)::tsvector
  || '''kind:tutorial'''::tsvector,
  random(), 0, now(), now()
FROM generate_series(1, 20000) n
"""


@pytest.fixture
def many(postgres_url: str, engine: object) -> Iterator[psycopg.Connection]:
    """Return a connection that sees 20,000 texts, which nobody else does."""
    del engine
    with psycopg.connect(postgres_url) as connection:
        connection.execute(SEED.encode())
        connection.execute("ANALYZE search_document")
        yield connection
        connection.rollback()


@pytest.mark.parametrize("asked", ["微调", "过拟合", "w77", "w77 w80"])
def test_the_index_of_words_answers(many: psycopg.Connection, asked: str) -> None:
    words = f"{without_places(parse(asked).strict)} & 'kind:tutorial'"
    plan = "\n".join(
        row[0]
        for row in many.execute(
            "EXPLAIN SELECT id FROM search_document WHERE words @@ %s::tsquery"
            " ORDER BY coalesce(quality) DESC, id DESC LIMIT 1000",
            (words,),
        )
    )
    assert "ix_search_document_words" in plan
    assert "Seq Scan" not in plan
