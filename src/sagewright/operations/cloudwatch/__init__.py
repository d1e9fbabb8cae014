"""CloudWatch: metrics, over `telemetry.metrics`."""
