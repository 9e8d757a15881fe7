"""What was trained elsewhere becomes a scenario: weights alone, a network of ONNX, a step that PyTorch ran.

Each reads its own kind of file and writes a scenario's text, with the numbers in files beside it.
"""
