"""Telling people how a run ended: by webhook, and by whatever Apprise speaks to."""
