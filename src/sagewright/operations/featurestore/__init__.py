"""The records of feature groups, as the runtime service of the feature store has them."""
