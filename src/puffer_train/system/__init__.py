"""The machine and the processes: cores, signals, ranks."""
