"""The parts of the screen System."""
