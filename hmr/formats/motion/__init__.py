"""Motion of skeletons in other programs' formats."""
