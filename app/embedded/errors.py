"""What can go wrong while a server of our own is started."""


class StartError(Exception):
    """A server of the tree did not start; the message says why and what to do."""
