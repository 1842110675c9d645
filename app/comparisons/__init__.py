"""Two to six runs beside each other on a page one can share, with a thread to talk about them."""
