"""The kinds of data that flows know how to handle."""
