"""The parts of the screen Pulse."""
