"""`python -m sagewright_container.training`: the `train` entry of framework images."""

from __future__ import annotations

import sys

from sagewright_container.training.launch import main

sys.exit(main())
