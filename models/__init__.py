"""Learning: arrays in, forecasts and classes out. Knows no file layout, no Prefect, no HTTP."""
