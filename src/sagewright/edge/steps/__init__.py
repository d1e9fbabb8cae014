"""The steps of a request's path, one per file."""
