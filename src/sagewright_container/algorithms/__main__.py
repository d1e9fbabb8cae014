"""`python -m sagewright_container.algorithms {train|describe} {algorithm}`."""

from __future__ import annotations

import sys

from sagewright_container.algorithms.run import main

sys.exit(main(sys.argv[1:]))
