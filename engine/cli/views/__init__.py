"""How models, data sets and evaluations of each data type are shown."""
