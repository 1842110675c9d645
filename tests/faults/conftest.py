"""The data directory of the trees, as in the tests of the tree itself."""

from tests.embedded.conftest import data

__all__ = ["data"]
