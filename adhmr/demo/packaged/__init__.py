"""``adhmr demo``: the reward first, then the loop from the weights that come with the package."""
