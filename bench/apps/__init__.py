"""Small servers that ours is measured against. Each is run as a program, by a Python that has uvicorn."""
