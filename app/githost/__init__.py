"""Git over smart HTTP: clone, fetch and push."""
