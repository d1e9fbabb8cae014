"""STS: identities, and credentials that expire."""
