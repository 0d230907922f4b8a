"""How a flow run is launched, done in its own process, cancelled and brought to a true end."""
