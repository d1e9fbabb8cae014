"""Athena's queries: the catalog that they ask, the tables that they read and write, their results."""
