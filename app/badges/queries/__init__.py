"""What badges ask for, and who has them."""
