"""The parts of the screen Models: versions as facts, their table, detail, comparison, moves."""
