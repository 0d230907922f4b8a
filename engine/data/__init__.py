"""From rows in a file or database to a clean, split and sealed data set of daily series."""
