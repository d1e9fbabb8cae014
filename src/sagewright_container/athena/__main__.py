"""`python -m sagewright_container.athena`: carry out the query that /opt/ml/input/query.json describes."""

from __future__ import annotations

import sys

from sagewright_container.athena.run import main

sys.exit(main())
