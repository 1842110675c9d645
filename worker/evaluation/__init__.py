"""Measuring a network on a split."""
