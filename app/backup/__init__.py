"""Keep what a site holds elsewhere, and bring it back as it was at a moment."""
