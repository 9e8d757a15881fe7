"""Many trainings of one scenario, over seeds and settings: what becomes of each, and whether it is luck or the setting.

It is asked by `retrograde sweep` and by ``retrograde.engine.sweep``. A run here has the bits of a run in a session.
"""
