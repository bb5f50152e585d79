"""One module per activity: decode, features, model, interpret. The order of steps, nothing else."""
