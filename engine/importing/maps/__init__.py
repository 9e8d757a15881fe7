"""Which operators of PyTorch are which layers: a function for each, a file for each group."""
