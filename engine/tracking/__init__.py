"""Runs and versions mirrored to MLflow, by a process of its own, when there is time."""
