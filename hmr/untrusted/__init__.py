"""Files of strangers, read without running anything in them: pickles, pandas tables, .npz with objects."""
