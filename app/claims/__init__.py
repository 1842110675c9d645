"""What the card of a model claims, line by line, and who has looked whether it is so."""
