"""The application: the ``adhmr`` command, the synthetic world, the demo and its report."""
