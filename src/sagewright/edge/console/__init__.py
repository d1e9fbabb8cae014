"""The console: a page, how one signs in to it, and what it asks."""
