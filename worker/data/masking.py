"""Texts in which some tokens are hidden, to be guessed from those around them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.data.batches import Batch
from worker.data.tagged import IGNORED, WANTED
from worker.data.texts import TextRows

# Of the tokens that are to be guessed, these parts are masked and replaced; the rest stays.
# Source: Devlin et al. 2018, arXiv 1810.04805.
_MASKED, _REPLACED = 0.8, 0.1
_EVALUATION_SEED = 20_181_011


@dataclass
class MaskedSplit(TextRows):
    """Texts of which other tokens are hidden in each pass; for measuring always the same."""

    probability: float
    mask_id: int
    vocabulary: int
    special_ids: Tensor

    def targets(self, indices: Tensor) -> Tensor:
        """Return the hidden tokens as they are hidden for measuring."""
        return self._hidden(indices, train=False)[1]

    def take(self, indices: Tensor, *, train: bool) -> Batch:
        """Return texts with hidden tokens, and what these are."""
        found, targets_BT = self._hidden(indices, train=train)
        if train:
            found[WANTED] = targets_BT != IGNORED
        return Batch(found, targets_BT, len(indices))

    def _hidden(self, indices: Tensor, *, train: bool) -> tuple[dict[str, Tensor], Tensor]:
        found = self.inputs(indices)
        ids_BT = found["input_ids"].cpu()
        chances_BT = torch.zeros(2, *ids_BT.shape)
        if train:
            chances_BT = torch.rand(2, *ids_BT.shape)
        else:
            # What is hidden depends on the sample alone, not on the batch it comes in.
            for row, index in enumerate(indices.tolist()):
                random = torch.Generator().manual_seed(_EVALUATION_SEED + index)
                length = len(self.encoded.tokens[index])
                chances_BT[:, row, :length] = torch.rand(2, length, generator=random)
        hidden_BT, targets_BT = self._changed(ids_BT, chances_BT, found["attention_mask"].cpu())
        found["input_ids"] = hidden_BT.to(self.device)
        return found, targets_BT.to(self.device)

    def _changed(
        self, ids_BT: Tensor, chances_2BT: Tensor, mask_BT: Tensor
    ) -> tuple[Tensor, Tensor]:
        wanted_BT, how_BT = chances_2BT
        open_BT = (mask_BT == 1) & ~torch.isin(ids_BT, self.special_ids)
        # The one with the least chance is always hidden: no text teaches nothing.
        scored_BT = wanted_BT.masked_fill(~open_BT, 2.0)
        least_B1 = scored_BT.min(dim=1, keepdim=True).values
        chosen_BT = open_BT & ((wanted_BT < self.probability) | (scored_BT == least_B1))
        targets_BT = ids_BT.masked_fill(~chosen_BT, IGNORED)
        masked_BT = chosen_BT & (how_BT < _MASKED)
        replaced_BT = chosen_BT & (how_BT >= _MASKED) & (how_BT < _MASKED + _REPLACED)
        others_BT = ((how_BT - _MASKED) / _REPLACED * self.vocabulary).long()
        others_BT = others_BT.clamp(0, self.vocabulary - 1)
        changed_BT = torch.where(replaced_BT, others_BT, ids_BT)
        return changed_BT.masked_fill(masked_BT, self.mask_id), targets_BT
