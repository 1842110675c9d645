"""What administrators do; pages, the API and the commands call these."""
