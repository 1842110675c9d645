"""Every read and write of the index; each way of asking in a module of its own."""
