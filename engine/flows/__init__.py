"""The five flows, as Prefect flows that read like their description."""
