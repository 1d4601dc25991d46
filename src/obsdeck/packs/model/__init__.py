"""What the files of a pack may say: one module per kind of file. Keys that are not here are faults."""
