"""Signing in to the console: who a browser acts for."""
