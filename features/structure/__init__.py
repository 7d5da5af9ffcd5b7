"""How the images of a dataset belong together: copies, near copies, groups in file names."""
