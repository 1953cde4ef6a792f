"""How a stage runs, its files and its random streams; knows nothing of the other rooms."""
