"""Model types held against each other, a tab of the screen of models: what was measured, shown."""
