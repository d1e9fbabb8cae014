"""Where evaluation was: it is `operations/access` now."""

from sagewright.operations.access.conditions import knows
from sagewright.operations.access.patterns import as_list

__all__ = ["as_list", "knows"]
