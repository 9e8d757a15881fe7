"""The app and the command line of Retrograde."""
