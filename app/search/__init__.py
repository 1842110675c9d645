"""One index over everything people may find, in Chinese and English."""
