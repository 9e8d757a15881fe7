"""The debugger's screen and its parts, each of one concern: moving, running, editing, selecting, painting, keeping."""
