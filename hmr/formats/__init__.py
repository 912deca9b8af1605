"""Files of other people's models and datasets, read without running anything in them."""
