"""Athena's statements as the server reads them: what kind each is, and which tables it names."""
