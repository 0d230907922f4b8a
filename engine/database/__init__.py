"""The PostgreSQL server that may hold Prefect's and MLflow's tables: its address, its tables."""
