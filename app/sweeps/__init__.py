"""Sweeps: many jobs that together answer which settings are best, and how sure that is."""
