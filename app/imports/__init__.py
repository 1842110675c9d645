"""Models and data sets brought here from another hub, or from a bundle in a file."""
