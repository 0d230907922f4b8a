"""The steps that flows call, each a Prefect task."""
