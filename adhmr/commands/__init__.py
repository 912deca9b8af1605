"""One module for each command: a dataclass of options and ``run(options)``."""
