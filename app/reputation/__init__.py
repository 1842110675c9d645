"""Votes on what people wrote, and the abilities that good work earns."""
