"""Collections: lists of repositories that somebody keeps and explains."""
