"""The `sagewright` command: one file per subcommand."""
