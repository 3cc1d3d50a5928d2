"""One run: training in its own folder, from the first step to the video."""
