"""Models that tell which class a picture belongs to."""
