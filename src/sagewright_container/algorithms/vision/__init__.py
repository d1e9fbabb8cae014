"""What the algorithms for images share.

`image_records`, `samples` and `declared` need no library, `pictures` needs Pillow, and all else PyTorch.
"""
