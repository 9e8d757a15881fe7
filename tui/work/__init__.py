"""What goes on while the screen stays usable: runs, searches, unsaved work. Threads post messages and nothing else."""
