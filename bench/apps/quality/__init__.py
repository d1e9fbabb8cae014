"""Each built-in algorithm beside a peer: trained on the same data, asked about the same rows."""
