// calibrate.h - how fast this core can be, as a reference for measured speeds.
#pragma once

// Peak rate of float32 fused multiply-adds on one core, in GFLOP/s, measured for about `seconds`. 0: not known here.
double puf_calibrate_gflops(double seconds);
