"""Names that users choose, as file names. A name is never a path."""

from __future__ import annotations

import hashlib
import re
from typing import Final
from urllib.parse import unquote

_LONGEST: Final = 200
_KEPT: Final = 120
_CUT: Final = "%%"
"""Marks a file name that its name cannot be read from; no encoding contains it."""
_UNSAFE: Final = re.compile(rb"[^a-z0-9_.-]|^\.")


def file_name(name: str) -> str:
    """A name that is safe, and different for different names, on any file system.

    Everything but lower-case letters, digits and `_-.` becomes `%XX` of its UTF-8 bytes: upper case too, for file
    systems that do not tell the cases apart. What gets too long is cut, and told apart by its SHA-256.
    """
    encoded = _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], name.encode("utf-8", "surrogatepass")).decode()
    if len(encoded) <= _LONGEST:
        return encoded
    return encoded[:_KEPT] + _CUT + hashlib.sha256(encoded.encode()).hexdigest()[:40]


def original(file: str) -> str | None:
    """The name behind a file name; None where it was cut and has to be read from the file itself."""
    return None if _CUT in file else unquote(file, errors="surrogatepass")
