"""The synthetic world: plausible bodies in rendered pictures with exact labels, in a source and shifted domains."""
