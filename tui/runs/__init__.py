"""The parts of the list of runs: pages of it, columns, preview, comparison, runs over time."""
