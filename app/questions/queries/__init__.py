"""Reads and counts of questions: lists, single questions with their posts, tags, drafts."""
