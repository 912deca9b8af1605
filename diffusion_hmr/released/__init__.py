"""The released HypoNet (ScoreHypo, ADHMR) at its own size, its sampler, and the converter of its files."""
