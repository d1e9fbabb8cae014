"""`python -m sagewright_container.transform COMMAND…`: serve a model with the command, and push a job through it."""

from __future__ import annotations

import sys

from sagewright_container.transform.run import main

sys.exit(main(sys.argv[1:]))
