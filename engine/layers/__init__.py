"""Kinds of layer, one file each: what a scenario states of it, its shape, its parameters, and how it is built."""
