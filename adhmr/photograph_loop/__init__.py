"""`adhmr align --images`: align on most of a folder, judge on the part that was held out, run controls beside it, and report."""
