"""Where tasks run: one file per engine behind the port in `base`."""
