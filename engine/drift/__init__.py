"""Whether what is served now looks like what was learnt from, and what to do when it does not."""
