"""CloudWatch Logs: groups, streams and events, over `telemetry.logs`."""
