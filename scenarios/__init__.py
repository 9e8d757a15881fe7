"""The scenarios that ship, `*.toml`, one idea each, and their `data/`."""
