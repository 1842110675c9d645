"""What sweeps do for the rest of the site; the modules beside this one hold the functions."""
