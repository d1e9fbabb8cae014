"""Athena: queries over the tables of Glue's catalog. `controllers/query_execution.py` carries them out."""
