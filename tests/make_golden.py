"""Write tests/golden/NAME.json for the environments named, or all: after a change that was meant."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import puffer_envs
from puffer_envs.golden import ENVS, SEED, golden_steps, outputs_digest

for name in sys.argv[1:] or puffer_envs.list_envs():
    golden = {
        "environment": name,
        "version": puffer_envs.spec(name).version,
        "num_envs": ENVS,
        "steps": golden_steps(name),
        "seed": SEED,
        "sha256": outputs_digest(name),
    }
    path = Path(__file__).resolve().parent / f"golden/{name}.json"
    path.write_text(json.dumps(golden, indent=2) + "\n")
    print(path.name, golden["sha256"][:16])
