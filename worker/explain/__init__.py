"""Showing what a network looked at."""
