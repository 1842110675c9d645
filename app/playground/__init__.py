"""Trying a model on one input, from its page or over the API; a worker answers."""
