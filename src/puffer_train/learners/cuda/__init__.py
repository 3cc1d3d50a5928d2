"""Training on an NVIDIA GPU: Triton kernels, CUDA graphs, and transfers beside the arithmetic.

Nothing here is imported unless a GPU was asked for, and Triton only by `triton_kernels`. What each kernel computes is
defined by the torch code for the processor; the tests compare the two.
"""
