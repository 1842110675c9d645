"""Comparing base models on one's own data: rankings are jobs of a kind of their own."""
