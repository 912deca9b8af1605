"""Layers that the generator, the scorer and the regressors share. The rest of ``hmr`` does not enter this room."""
