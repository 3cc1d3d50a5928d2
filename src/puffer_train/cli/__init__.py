"""The commands: puffer-train, puffer-eval, puffer-plot."""
