"""Records and leases, kept. `base` is the port; everything else implements it."""
