-- A second database, for the MLflow server; that of the engine is made by POSTGRES_DB.
CREATE DATABASE mlflow;
