"""How networks are trained: loop, batches, augmentation, checkpoints."""
