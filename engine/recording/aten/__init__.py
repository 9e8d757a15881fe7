"""The equations of PyTorch's operators, one table: what an element of a result is, from elements of its arguments."""
