"""What we ship for testing: conformance kits that implementations of a port inherit, and fakes that fail on demand."""
