"""Configuration: YAML files, `--set` and flags in, one frozen tree of typed settings out."""
