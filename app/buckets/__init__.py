"""Buckets: files without a history, over the same store."""
