"""Images on disk to tensors in memory."""
