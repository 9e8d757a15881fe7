"""What several subcommands share: how one is stated, arguments, saved sessions, columns, numbers, progress, streams."""
