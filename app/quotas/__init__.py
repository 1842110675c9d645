"""How much an account may keep and use, how much it does, and whose job is next."""
