"""The parts of the screen Logs: files of any length, filters, search."""
