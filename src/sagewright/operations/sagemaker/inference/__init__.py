"""Models, endpoint configurations, endpoints."""
