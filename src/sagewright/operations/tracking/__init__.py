"""Who may ask a tracking server for what, and how browsers come in."""
