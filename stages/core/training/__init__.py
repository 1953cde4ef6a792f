"""One training run: batches, steps, epochs, selection, resuming; and what a trained network says."""
