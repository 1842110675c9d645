"""What the site and a worker share: validated, versioned values. Pydantic and Pillow only."""
