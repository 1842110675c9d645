"""What people are told, where, and how often: in the site, by mail, in feeds."""
