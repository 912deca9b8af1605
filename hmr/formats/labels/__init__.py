"""The files that labels come in: how many there are, what they are called, and the same file with fewer of them."""
