"""Looking after the site: how it stands, what is switched on, who is here, what was done."""
