"""Several processes in one run: how they are chosen, started, and kept in step."""
