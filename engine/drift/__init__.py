"""Whether what serves still meets what it learnt from, and errs no more than it was measured to."""
