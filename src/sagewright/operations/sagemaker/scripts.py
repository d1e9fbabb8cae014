"""Scripts that come in base64: lifecycle configurations of notebook instances and of Studio."""

from __future__ import annotations

import base64
import binascii

from sagewright.base.errors import validation_error


def check_script(content: str, member: str) -> None:
    """Raises a ValidationException unless `content` is base64."""
    try:
        base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise validation_error(f"Invalid {member}: it must be a script in base64, on one line.") from None
