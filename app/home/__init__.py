"""The first page: what the site holds and what is going on, for visitors and for members."""
