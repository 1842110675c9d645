"""Choosing the base model to start from: transferability scores over frozen features."""
