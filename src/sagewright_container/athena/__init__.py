"""Athena's queries: one statement of Trino's SQL over files, translated to DuckDB's, its result as files."""
