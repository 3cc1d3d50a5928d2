"""Backends for the arithmetic of an update: the C kernels, torch, or one GPU."""
