"""EventBridge: buses, rules and their targets, events. `dataplane/events` matches, `controllers` deliver."""
