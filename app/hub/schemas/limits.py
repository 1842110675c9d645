"""Limits and names that everything in the hub agrees on."""

MAIN = "main"
# A file above this is kept by its hash, outside git; below it, inside, if it is text.
LFS_THRESHOLD_BYTES = 1 << 20
MAX_REGULAR_BYTES = 10_000_000
INLINE_BYTES = 64 * 1024
PART_BYTES = 8 * 1024 * 1024
MAX_PART_BYTES = 16 * 1024 * 1024
