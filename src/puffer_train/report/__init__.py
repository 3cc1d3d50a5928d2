"""What people read: dashboard, metrics, plots, evaluation, the README of a run."""
