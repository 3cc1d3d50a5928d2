"""`puffer-train` on several ranks, the second of which is given more arguments: ranks_differ.py JSON ARGUMENT..."""

import json
import os
import sys

from puffer_train.cli import train as cli_train

if __name__ == "__main__":
    more = json.loads(sys.argv[1]) if os.environ["RANK"] == "1" else []
    sys.exit(cli_train.main([*sys.argv[2:], *more]))
