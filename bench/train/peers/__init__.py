"""Other people's training loops around the networks, data and optimizers of the plain ones."""
