"""The screen that forecasts: what is asked and answered, and how it is shown."""
