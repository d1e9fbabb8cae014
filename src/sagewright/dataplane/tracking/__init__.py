"""The way to a tracking server's process."""
