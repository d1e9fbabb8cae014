"""Services that Sagewright does not build itself: moto answers for them, in a process of its own."""
