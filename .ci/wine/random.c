// random.c - bcryptprimitives.dll, which Wine got later, for what is written in Rust.
#include <stddef.h>

__declspec(dllimport) unsigned char SystemFunction036(void* buffer, unsigned long size); // RtlGenRandom
__declspec(dllexport) int ProcessPrng(unsigned char* buffer, size_t size);

int ProcessPrng(unsigned char* buffer, size_t size) { return SystemFunction036(buffer, (unsigned long)size); }
