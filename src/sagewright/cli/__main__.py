"""`python -m sagewright.cli`: the command where no script is on PATH."""

from sagewright.cli.main import main

main()
