"""A policy as one C file: `puffer-export NAME out.c`, see docs/microcontroller.md.

`weights.py` lays the weights out and rounds them, `arithmetic.py` computes in NumPy what the C file computes, to the
bit, and `text.py` fills in `policy.c.in` and `policy.h.in`. Only NumPy is needed.
"""
