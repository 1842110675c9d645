"""Double-entry books of what people put up and win: two lines a movement, which sum to zero."""
