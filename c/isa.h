// isa.h - the instruction sets that environments and kernels are compiled for.
#pragma once

// From slow to fast. Only the baseline exists off x86-64.
typedef enum PufIsa { PUF_ISA_BASELINE, PUF_ISA_V3, PUF_ISA_V4, PUF_NUM_ISA } PufIsa;

const char* puf_isa_name(PufIsa isa); // what users call it
// Whether this processor and this build have it, and the environment variable PUFFER_ISA allows it.
int puf_isa_supported(PufIsa isa);
int puf_isa_fuses(PufIsa isa); // its kernels round a product and a sum once
