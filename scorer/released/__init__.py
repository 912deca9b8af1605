"""The released scorers at their own size: HMR-Scorer (ADHMR) and ScoreNet (ScoreHypo), and the converters of their files."""
