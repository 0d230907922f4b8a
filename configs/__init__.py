"""The YAML files that users edit, shipped as package data."""
