"""What happened to how the site is run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RuntimeChanged:
    """A setting, switch, mode or announcement is not what it was."""
