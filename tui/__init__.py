"""The terminal control center."""
