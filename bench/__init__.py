"""Measurements, each beside a peer or a limit in the same run. See docs/reference/benchmarks.md."""
