"""Bounties: what somebody puts up for an answer to a question, and who gets it."""
