"""The engine: run engine, flows, tasks, store, HTTP services and the `engine` command."""
