"""What trains a network of any kind: the optimizer, weights as files, seeds and threads."""
