"""The `engine` command: the only writer of stdout, stderr and exit codes."""
