"""From rows or pictures to a clean, split and sealed data set."""
