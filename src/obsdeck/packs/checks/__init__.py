"""What can be wrong with packs, though each file is well-formed: a module per thing that is looked at."""
