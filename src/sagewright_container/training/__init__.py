"""Script mode of training: prepare what a user's script expects, run it, report how it ended."""
