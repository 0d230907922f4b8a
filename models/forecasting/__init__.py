"""Forecasting models: one file a model, registered by name."""
