"""Learning: arrays in, forecasts out. Knows no file layout, no Prefect, no HTTP."""
