"""What is wrong with a training: rules that watch a run, each with its limit, its first moment and what to do.

What a rule says is a row of ``equations/ailments.py``; here is who judges it. A rule of the data, the network or its
initial values is judged once (``data.py``, ``initial.py``), one of an iteration at observed moments (``gradients.py``,
``units.py``, ``rates.py``), one of the whole run at its end (``progress.py``). ``doctor.py`` runs and watches;
``trials.py`` makes experiments. A rule is added by its row and a function that is marked with ``judge_of``.
"""
