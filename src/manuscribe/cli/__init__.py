"""The command line, a module for each command group, without logic of its own."""
