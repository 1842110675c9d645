"""Every SELECT of the hub: repositories and lists, git objects, large files and uploads."""
