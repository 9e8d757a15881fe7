"""Questions about the steps of a training, and what is said of a wrong answer.

The known mistakes are computed from the equation of the step itself, so they are there for every kind of op. Built on
the session; keeps nothing and shows nothing.
"""
