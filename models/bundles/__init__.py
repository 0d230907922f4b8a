"""Serving bundles: what those of every data type have in common."""
