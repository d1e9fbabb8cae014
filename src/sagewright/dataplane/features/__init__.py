"""Records of feature groups: the newest of each, and what is yet to go to the offline store."""
