"""Benchmarks anybody can run: each against a named peer or a measured limit, in one run."""
