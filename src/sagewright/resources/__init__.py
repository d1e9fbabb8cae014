"""What can exist: records, ARNs, lifecycles. Pure data and functions, no I/O."""
