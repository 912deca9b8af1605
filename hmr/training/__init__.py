"""The training loop that generator, scorer and regressors share: steps, stop and resume, many processes, sharding."""
