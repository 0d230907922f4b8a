"""Searches for the models that are best together, whatever kind they are of."""
