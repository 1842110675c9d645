"""Webhooks: signed news of repositories for other programs."""
