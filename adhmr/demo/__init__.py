"""``adhmr demo``: the whole loop on the embedded default."""
