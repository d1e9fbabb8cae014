"""Cost Explorer (`ce`): what was used here, at AWS's prices."""
