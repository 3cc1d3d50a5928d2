"""Hold the lock of a run folder until killed: python hold_lock.py FOLDER. Says when it has it."""

import sys
import time
from pathlib import Path

from puffer_train.storage.lock import FolderLock

if __name__ == "__main__":
    with FolderLock(Path(sys.argv[1])):
        print("locked", flush=True)
        time.sleep(600)
