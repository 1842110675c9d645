"""Search over 10^5 texts in Chinese and English: the rarest and the commonest words.

Run: python -m bench.search [texts] [folder]. Seeds a PostgreSQL if the folder is new and asks the
real application over HTTP on a loopback port, beside `ILIKE` over the same texts in the same
database. Goal: p95 of each question at most 100 ms.
"""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from app.core.db import Database
from app.embedded.postgres import EmbeddedPostgres
from app.search.schemas import Draft, Kind
from app.search.service import put
from bench.lists import line, serving
from bench.seed import create

FOLDER = Path("data/bench-search")
ROUNDS = 40
_ZH = (
    "微调 过拟合 学习率 显存 不足 预训练 模型 数据集 早停 冻结 卷积层 批量 梯度 注意力 "
    "语义分割 目标检测 图像分类 文本分类 准确率 损失 验证集 收敛 正则化 权重衰减 优化器 "
    "预热 混合精度 量化 剪枝 蒸馏 提示 适配器 分词器 词元"
).split()
_GLUE = "的 了 在 是 和 时 后 怎么办 如何 为什么 可以 需要 非常 一个 这个 我们".split()
_EN = (
    "fine-tuning overfitting learning rate memory frozen layers pretrained model data set early "
    "stopping gradient attention segmentation detection accuracy loss validation optimizer warmup "
    "precision quantization pruning distillation adapter tokenizer ResNet-50 BERT LoRA checkpoint"
).split()
QUESTIONS = [
    "微调", "过拟合", "显存", "模型过拟合怎么办", "层", "overfitting", "fine-tuning",
    "learning rate", "ResNet 50", "lora 显存", '"frozen layers"', "is:tutorial 微调",
    "nowhere", "warmup -学习率", "语义分割 OR segmentation", "rareword77",
]  # fmt: skip


def _text(number: int) -> str:
    zh = number % 3 != 0
    en = number % 3 != 1
    words = []
    for _ in range(60):
        if zh:
            words.append(random.choice(_ZH) + random.choice(_GLUE))
        if en:
            words.append(random.choice(_EN))
    separator = "" if zh and not en else " "
    return separator.join(words) + f" rareword{number % 5000}"


def _draft(number: int) -> Draft:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    text = _text(number)
    return Draft(
        kind=Kind.TUTORIAL,
        subject_id=number,
        place=f"/tutorials/{number}",
        title=text[:40],
        body=text,
        language="zh" if number % 3 else "en",
        score=number % 50,
        quality=random.random(),
        created_at=moment,
        updated_at=moment,
    )


async def _fill(url: str, count: int) -> None:
    await create(url)
    database = Database(url)
    for start in range(1, count + 1, 1000):
        async with database.transaction() as db:
            await put(db, [_draft(number) for number in range(start, min(start + 1000, count + 1))])
    await database.close()


def _plain(url: str, word: str) -> float:
    """Return how long `ILIKE` over the same texts takes, in ms: what others do."""
    with psycopg.connect(url) as connection:
        started = time.perf_counter()
        connection.execute(
            "SELECT id FROM search_document WHERE body ILIKE %s ORDER BY quality DESC LIMIT 20",
            (f"%{word}%",),
        ).fetchall()
        return 1000 * (time.perf_counter() - started)


def run(count: int = 100_000, folder: Path = FOLDER) -> Iterator[str]:
    """Seed if need be, serve, ask, and yield the figures."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(folder.resolve(), durable=False)
    url = server.start()
    try:
        if is_new:
            started = time.perf_counter()
            asyncio.run(_fill(url, count))
            yield f"indexed {count / (time.perf_counter() - started):.0f} texts a second"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE search_document")
        with serving(url, folder.resolve()) as client:
            for question in QUESTIONS:
                yield _asked(client, question)
        plain = statistics.median(_plain(url, "过拟合") for _ in range(3))
        yield f"{'ILIKE over the same texts':32} median {plain:6.1f} ms"
    finally:
        server.stop()


def _asked(client: httpx.Client, question: str) -> str:
    spent = []
    for _ in range(ROUNDS + 3):
        started = time.perf_counter()
        client.get("/api/v1/search", params={"q": question}).raise_for_status()
        spent.append(1000 * (time.perf_counter() - started))
    return line(question, spent[3:])


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    for told in run(count, folder):
        print(told, flush=True)


if __name__ == "__main__":
    main()
