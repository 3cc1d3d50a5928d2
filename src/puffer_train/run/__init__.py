"""One run: training in a folder of its own, from the first step to the video."""
