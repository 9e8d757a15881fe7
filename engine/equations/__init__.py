"""Numbers, arrays and the expressions over them: what an equation is, how it is read, and the tables of formulas.

The lowest room: it knows nothing of networks. A function, an optimiser's or a schedule's facts are one row of a table
here. An expression is data; whoever reads one (to evaluate, print, differentiate or draw it) has a rule for each node.
"""
