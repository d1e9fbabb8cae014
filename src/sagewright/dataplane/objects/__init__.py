"""Objects in buckets: blobs under opaque ids on the local disk, keys in the store."""
