"""Conversations as tokens to go on from: only what the assistant says is learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from worker.contract.items import Item
from worker.data.batches import Batch
from worker.data.tagged import IGNORED, WANTED
from worker.data.texts import Encoded, TextRows, stacked

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# How turns are written for a base that has no template of its own.
PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "{{ 'assistant: ' + message['content'] + (eos_token or '') + '\\n' }}"
    "{% else %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
Message = dict[str, str]


@dataclass(frozen=True)
class Chat:
    """A conversation as tokens; `targets` are the same, -100 where nothing is learned."""

    tokens: Tensor
    targets: Tensor

    @property
    def count(self) -> int:
        """How many tokens are learned."""
        return int((self.targets[1:] != IGNORED).sum())


@dataclass
class ChatSplit(TextRows):
    """Conversations, or rows of several of them. `positions` begin anew where one does.

    `messages` are the conversations of rows that hold one each, to show what the model makes of
    them.
    """

    rows: Sequence[Sequence[Chat]]
    messages: Sequence[Sequence[Message]]
    is_packed: bool

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return the tokens, and for training which of them are to be guessed."""
        batch = super().take(indices, train=train)
        if train:
            batch.inputs[WANTED] = batch.targets != IGNORED
        return batch

    def targets(self, indices: Tensor) -> Tensor:
        """Return the tokens to guess at each place (B, T), -100 where there is none."""
        rows = [self._targets(self.rows[place]) for place in indices.tolist()]
        return stacked(rows, IGNORED, self.device)

    def _targets(self, chats: Sequence[Chat]) -> Tensor:
        # The last token of one conversation does not tell the first one of the next.
        end = torch.tensor([IGNORED])
        return torch.cat([part for chat in chats for part in (chat.targets[1:], end)])

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        """Return the tokens; in packed rows positions, not a mask, keep conversations apart."""
        found = super().inputs(indices)
        if not self.is_packed:
            return found
        positions = [
            torch.cat([torch.arange(len(chat.tokens)) for chat in self.rows[place]])
            for place in indices.tolist()
        ]
        # Padding begins anew with each token, so that nothing looks at it.
        return {
            "input_ids": found["input_ids"],
            "position_ids": stacked(positions, 0, self.device),
        }


def messages_of(row: Item) -> list[Message]:
    """Return the messages of a row."""
    values: Any = row.values
    return [{"role": str(m["role"]), "content": str(m["content"])} for m in values["messages"]]


def with_template(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Give a tokenizer that has no template a plain one; return whether it had none."""
    if tokenizer.chat_template:
        return False
    tokenizer.chat_template = PLAIN_TEMPLATE
    return True


def prompt_of(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]) -> str:
    """Return a conversation up to its last answer as text, ready for that answer."""
    before = list(messages)
    while before and before[-1]["role"] == "assistant":
        before.pop()
    return _written(tokenizer, before, asks=True)


def _written(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], *, asks: bool
) -> str:
    return str(
        tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=asks)
    )


def encode_chat(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], max_length: int
) -> Chat:
    """Return a conversation as tokens, cut at its end; questions and roles are not learned."""
    spans, text = _answers(tokenizer, messages)
    found = tokenizer(
        text,
        add_special_tokens=False,
        truncation=True,
        max_length=max_length,
        return_offsets_mapping=True,
    )
    tokens_T = torch.tensor(found["input_ids"], dtype=torch.int64)
    learned_T = torch.tensor(
        [
            any(start < to and end > since for since, to in spans)
            for start, end in found["offset_mapping"]
        ],
        dtype=torch.bool,
    )
    return Chat(tokens_T, tokens_T.masked_fill(~learned_T, IGNORED))


def _answers(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]
) -> tuple[list[tuple[int, int]], str]:
    """Return where in the text (from, to) the assistant speaks, and the text."""
    spans = []
    for number, message in enumerate(messages):
        if message["role"] == "assistant":
            before = _written(tokenizer, messages[:number], asks=True)
            after = _written(tokenizer, messages[: number + 1], asks=False)
            spans.append((len(before), len(after.rstrip("\n"))))
    return spans, _written(tokenizer, messages, asks=False)


def packed_rows(chats: Sequence[Chat], max_length: int) -> list[list[Chat]]:
    """Return rows that are as full as they get, in the order of the conversations."""
    rows: list[list[Chat]] = []
    room = 0
    for chat in chats:
        size = len(chat.tokens)
        if size > room or not rows:
            rows.append([])
            room = max_length
        rows[-1].append(chat)
        room -= size
    return rows


def joined(rows: Sequence[Sequence[Chat]]) -> Encoded:
    """Return the tokens of rows."""
    return Encoded([torch.cat([chat.tokens for chat in row]) for row in rows])
