"""What the figures share: their spec, their style, panels of curves, and bars."""
