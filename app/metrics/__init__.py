"""Numbers for whoever watches the site, in the text format that Prometheus reads."""
