"""What instances were used, by whom, and what that costs at AWS's prices."""
