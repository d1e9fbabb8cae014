"""Container images: repositories, manifests, layers, and the bytes of layers on disk."""
