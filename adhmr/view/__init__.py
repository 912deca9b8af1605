"""Runs of `adhmr predict` to look at: photographs, all bodies that were proposed, and how sure they are; live or as one page."""
