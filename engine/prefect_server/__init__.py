"""The embedded Prefect server: its own process, loopback only, closed to other users."""
