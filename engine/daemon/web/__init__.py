"""The engine's face to others: flow API, monitoring data and web page, over TCP, with tokens."""
