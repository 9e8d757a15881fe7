"""Weights from a file and into a file: safetensors and NPZ, with the names and the shapes that PyTorch gives them."""
