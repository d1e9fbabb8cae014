"""What every room may lean on: clock, ids, errors, settings, registry. A closed list."""
