"""The server is killed at random moments of its jobs' and endpoints' lives, and nothing may be lost or doubled."""
