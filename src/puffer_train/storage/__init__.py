"""What a run keeps on disk, and how it is written so that a crash never leaves half a file."""
