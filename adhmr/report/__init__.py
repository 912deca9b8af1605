"""Reports for people: overlays, plots, one self-contained page."""
