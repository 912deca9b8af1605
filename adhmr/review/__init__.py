"""The page on which a person looks at verdicts and overrules them."""
