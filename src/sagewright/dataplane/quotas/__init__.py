"""Quotas, as they are kept to."""
