"""The commands, their keys and their words: one row a command, read by bindings, footer, help, palette and docs."""
