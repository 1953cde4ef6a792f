"""A trained model at work: on new files as they come, and as a file that needs none of our code."""
