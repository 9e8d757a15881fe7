"""Files of samples as tables, whatever they are written in: what encoding, separator, heading and signs they have.

Nothing here knows a network: which columns are asked for is handed in, and the cells that are no numbers are kept.
"""
