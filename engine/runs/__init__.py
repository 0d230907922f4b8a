"""What is known of flow runs: the table of them, their progress, the context a run works in."""
