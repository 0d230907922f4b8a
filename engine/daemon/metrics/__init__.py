"""What the engine tells a scraper of itself, its runs, its children and its workspace."""
