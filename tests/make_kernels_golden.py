"""Write tests/golden/kernels.json: after a change of the kernels that was meant to alter results."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent / "c"))

from engine.test_kernels_in_c import GOLDEN, ISAS, MARCH, digest, fuses

import build
from puffer_train.golden import KINDS, learned_digest

with tempfile.TemporaryDirectory() as build_folder:
    digests = {
        "fused" if fuses(isa) else "plain": digest(build.build_learn(Path(build_folder) / "learn", march=MARCH[isa]))
        for isa in ISAS
    }
golden = {"c": digests, "learned": {f"{cell} {head}": learned_digest(cell, head) for cell, head in KINDS}}
GOLDEN.write_text(json.dumps(golden, indent=2) + "\n")
print(json.dumps(golden, indent=2))
