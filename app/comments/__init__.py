"""Threads of comments: the one place where people talk, whatever they talk about."""
