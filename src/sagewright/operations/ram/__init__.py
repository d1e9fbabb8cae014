"""AWS Resource Access Manager: shares of this account's resources. Nobody shares any with it: it is the only one."""
