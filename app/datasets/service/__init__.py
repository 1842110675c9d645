"""What a data set holds: the feature's facade."""

from app.datasets.service.glances import kind_name
from app.datasets.service.taking import InventoryTaker, split_name

__all__ = ["InventoryTaker", "kind_name", "split_name"]
