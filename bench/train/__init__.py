"""Training speed: the engine beside plain loops and other people's libraries.

Run: python -m bench.train --help, or `make bench-train`. docs/operations/bench-train.md says how to
read what it prints.
"""
