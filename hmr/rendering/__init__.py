"""Meshes to pixels: the rasteriser, finished pictures, and bodies drawn over pictures."""
