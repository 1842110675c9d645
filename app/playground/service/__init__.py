"""What trying a model does; other features use nothing of it yet."""
