"""Channels: what a job's inputs become before its task starts. `staging.stage` is the door."""
