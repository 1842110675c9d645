"""Tutorials: texts people learn from, in two languages, published as versions that never change."""
