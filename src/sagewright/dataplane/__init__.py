"""Hot paths: inference, objects. They know bytes and names, not AWS's words."""
