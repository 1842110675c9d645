"""Texts as people write them, for benchmarks: a few words everywhere, most words hardly anywhere.

The vocabulary is made up here from letters and syllables; how often a word comes follows Zipf's
law, in Chinese, in English, and in texts that mix both. The same number gives the same text.
"""

import random
from bisect import bisect
from itertools import accumulate
from math import exp

NUM_WORDS = 30_000
_LETTERS = 2_500
_SYLLABLES = (
    "ka lo mi ra tu ne so vi pe da gu zo ri ba he pre men tion ing er al con ex in ter ly or an"
).split()
# Words of the field, at the ranks where they stand in what is written about it.
PLACED_ZH = {
    3: "模型", 8: "训练", 15: "数据集", 30: "微调", 60: "学习率", 90: "过拟合", 150: "显存",
    400: "语义分割", 900: "早停", 4_000: "余弦退火", 20_000: "欠拟合",
}  # fmt: skip
PLACED_EN = {
    5: "model", 9: "training", 20: "layers", 40: "fine-tuning", 70: "learning", 71: "rate",
    120: "overfitting", 200: "frozen", 500: "segmentation", 900: "ResNet-50", 3_000: "warmup",
    15_000: "CosineAnnealing",
}  # fmt: skip


def _chinese(chance: random.Random) -> str:
    size = chance.choices((1, 2, 3, 4), (4, 70, 16, 10))[0]
    return "".join(chr(0x4E00 + int(_LETTERS * chance.random() ** 2) * 8) for _ in range(size))


def _english(chance: random.Random) -> str:
    return "".join(chance.choices(_SYLLABLES, k=chance.choice((1, 2, 2, 3, 3, 4))))


def _vocabulary(seed: int, *, is_zh: bool) -> list[str]:
    chance = random.Random(seed)
    made = dict.fromkeys(_chinese(chance) if is_zh else _english(chance) for _ in range(90_000))
    words = list(made)[:NUM_WORDS]
    for rank, word in (PLACED_ZH if is_zh else PLACED_EN).items():
        words[rank] = word
    return words


ZH, EN = _vocabulary(1, is_zh=True), _vocabulary(2, is_zh=False)
_SUMS = list(accumulate(1 / rank for rank in range(1, NUM_WORDS + 1)))


def _words(chance: random.Random, words: list[str], count: int) -> list[str]:
    top = min(len(words), NUM_WORDS) - 1
    return [words[min(top, bisect(_SUMS, chance.random() * _SUMS[top]))] for _ in range(count)]


def text(number: int) -> tuple[str, str]:
    """Return title and body of text `number`: two in five Chinese, two English, one mixed."""
    chance = random.Random(number)
    count = min(600, max(12, int(100 * exp(chance.gauss(0, 0.7)))))
    kind = number % 5
    if kind < 2:  # two in five
        return "".join(_words(chance, ZH, 4)), "，".join(
            "".join(_words(chance, ZH, 6)) for _ in range(count // 6 + 1)
        )
    if kind < 4:  # two in five
        return " ".join(_words(chance, EN, 5)), " ".join(_words(chance, EN, count))
    parts = [
        "".join(_words(chance, ZH, 5)) + " ".join(_words(chance, EN, 2))
        for _ in range(count // 7 + 1)
    ]
    return parts[0], "，".join(parts)
