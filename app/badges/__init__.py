"""Badges: what somebody has done, found by queries that run every night."""
