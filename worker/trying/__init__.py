"""Trying a trained model on one input: what serves the box on a model's page."""
