"""Whether what comes later still looks like what was learnt from: arrays in, verdicts out."""
