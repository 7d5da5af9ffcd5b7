"""From image files to arrays of pixels."""
