"""What there is to do for the databases: look at them, copy them, bring copies back, tidy them."""
