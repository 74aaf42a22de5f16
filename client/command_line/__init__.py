"""The command line, ``script/pitboss``: a terminal for people, plain text for pipes, exit codes for scripts."""
