"""Through time: states, replay, branches, runs, and the search for a moment.

Built on executor. A moment of a run is recomputed from the checkpoint before it, never stored in full; nothing here
knows a cursor or a breakpoint.
"""
