"""Bringing in models and data sets from other hubs, in the background, pinned and verified."""
