"""Questions, their answers, tags, and what becomes of them."""
