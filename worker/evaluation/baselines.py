"""What something far simpler reaches on the same samples, so that a number can be judged."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from worker.contract.after_results import BaselineResult
from worker.evaluation.metrics import accuracy_interval

MAX_PROBE_ROWS = 20_000
_MAX_WORDS = 20_000
_WORD = re.compile(r"[a-z0-9']+|[\u3400-\u9fff]+")
_IS_CJK = re.compile(r"^[\u3400-\u9fff]")
Name = Literal["majority", "random-features", "pretrained-features", "bag-of-words", "mean"]


def majority(train_labels_N: Tensor, labels_M: Tensor) -> BaselineResult:
    """Return how well always guessing the largest class of training does."""
    guess = int(train_labels_N.bincount().argmax())
    return _scored("majority", labels_M == guess, 0.0)


def probe(
    name: Name,
    features_ND: Tensor,
    labels_N: Tensor,
    test_features_MD: Tensor,
    test_labels_M: Tensor,
) -> BaselineResult:
    """Return how well one linear layer on fixed features does.

    Args:
        name: what the features are.
        features_ND: features of the training samples; of more than 20,000 every k-th is used.
        labels_N: their classes.
        test_features_MD: features of the samples that are measured.
        test_labels_M: their classes.
    """
    began = time.monotonic()
    step = -(-len(features_ND) // MAX_PROBE_ROWS)
    rows_ND, labels_N = features_ND[::step].float().flatten(1), labels_N[::step]
    mean_D, deviation_D = rows_ND.mean(0), rows_ND.std(0, unbiased=False)
    # Random networks give tiny features, so what counts as constant depends on the others.
    deviation_D = deviation_D.clamp_min(float(deviation_D.max()) * 1e-5 + 1e-30)
    classes = int(torch.cat((labels_N, test_labels_M)).max()) + 1
    layer = _logistic((rows_ND - mean_D) / deviation_D, labels_N, classes)
    with torch.no_grad():
        test_MD = (test_features_MD.float().flatten(1) - mean_D) / deviation_D
        right_M = layer(test_MD).argmax(1) == test_labels_M
    return _scored(name, right_M, time.monotonic() - began, len(rows_ND))


def bag_of_words(
    texts: Sequence[str], labels_N: Tensor, test_texts: Sequence[str], test_labels_M: Tensor
) -> BaselineResult:
    """Return how well counting words and pairs of words does; of Chinese, pairs of characters."""
    began = time.monotonic()
    step = -(-len(texts) // MAX_PROBE_ROWS)
    texts, labels_N = texts[::step], labels_N[::step]
    counted = [Counter(_words(text)) for text in texts]
    documents: Counter[str] = Counter()
    for counts in counted:
        documents.update(counts.keys())
    common = documents.most_common(_MAX_WORDS)
    place = {word: index for index, (word, _) in enumerate(common)}
    size = len(texts)
    weight_D = torch.tensor([_rarity(size, seen) for _, seen in common])
    rows_ND = _sparse(counted, place, weight_D)
    test_MD = _sparse([Counter(_words(text)) for text in test_texts], place, weight_D)
    classes = int(torch.cat((labels_N, test_labels_M)).max()) + 1
    layer = _logistic(rows_ND, labels_N, classes, decay=1.0)
    with torch.no_grad():
        right_M = layer(test_MD).argmax(1) == test_labels_M
    return _scored("bag-of-words", right_M, time.monotonic() - began, len(texts))


def _rarity(documents: int, seen: int) -> float:
    return float(torch.log(torch.tensor((1 + documents) / (1 + seen)))) + 1


def _words(text: str) -> Iterator[str]:
    previous = ""
    for word in _WORD.findall(text.lower()):
        if _IS_CJK.match(word):
            yield from word
            yield from (word[i : i + 2] for i in range(len(word) - 1))
            continue
        yield word
        if previous:
            yield f"{previous} {word}"
        previous = word


def _sparse(counted: Sequence[Counter[str]], place: dict[str, int], weight_D: Tensor) -> Tensor:
    """Return the rows as a sparse matrix; each has length 1."""
    rows, columns, values = [], [], []
    for row, counts in enumerate(counted):
        known = [(place[word], count) for word, count in counts.items() if word in place]
        columns_W = torch.tensor([column for column, _ in known], dtype=torch.int64)
        values_W = torch.tensor([float(count) for _, count in known]).log1p() * weight_D[columns_W]
        rows += [row] * len(known)
        columns.append(columns_W)
        values.append(functional.normalize(values_W, dim=0))
    indices = torch.stack((torch.tensor(rows, dtype=torch.int64), torch.cat(columns)))
    shape = (len(counted), len(place))
    return torch.sparse_coo_tensor(indices, torch.cat(values), shape, check_invariants=True)


class _SparseLinear(nn.Module):
    """A linear layer whose inputs may be sparse; it begins at zero."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.mm(inputs, self.weight) + self.bias


def _logistic(rows_ND: Tensor, labels_N: Tensor, classes: int, decay: float = 10.0) -> nn.Module:
    """Return a fitted multinomial logistic regression.

    `decay` is the strength of the pull towards zero of all samples together, so it weighs less
    the more samples there are; 1 is what other libraries take, features of networks want more.
    """
    layer = _SparseLinear(rows_ND.shape[1], classes)
    optimizer = torch.optim.LBFGS(
        layer.parameters(), max_iter=100, history_size=10, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimizer.zero_grad()
        loss = functional.cross_entropy(layer(rows_ND), labels_N)
        total = loss + decay * layer.weight.square().sum() / (2 * len(labels_N))
        total.backward()
        return float(total.detach())

    with torch.enable_grad():
        optimizer.step(closure)
    return layer


def _scored(
    name: Name, right_M: Tensor, seconds: float, num_rows: int | None = None
) -> BaselineResult:
    correct, size = int(right_M.sum()), len(right_M)
    low, high = accuracy_interval(correct, size)
    return BaselineResult(
        name=name, value=correct / size, low=low, high=high, seconds=seconds, num_rows=num_rows
    )


def timed(work: Callable[[], BaselineResult]) -> BaselineResult:
    """Return a baseline with the seconds of everything that was done for it."""
    began = time.monotonic()
    result = work()
    return result.model_copy(update={"seconds": time.monotonic() - began})
