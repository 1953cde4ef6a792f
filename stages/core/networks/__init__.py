"""The networks, from inputs to logits, and their way into a description and back."""
