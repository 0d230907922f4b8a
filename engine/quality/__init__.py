"""How good served forecasts turned out to be, once their days have come."""
