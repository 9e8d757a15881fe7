"""The command line: a file and a row of ``main.SUBCOMMANDS`` a subcommand of `retrograde`.

The file brings ``COMMAND``: the subcommand's name, its arguments, and what it does. It is loaded for every `--help`, so
what it imports at its top is light; what computes is imported where it runs. ``support`` is what they share.
``keytable``, ``commandtable`` and ``reference`` are no subcommands: each writes a page of the documentation.
"""
