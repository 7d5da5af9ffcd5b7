"""A seeded generator of photographs that look like Nexperia's chips in their tape pockets."""

from features.chips.generator import HEIGHT, WIDTH, Chip, draw_chip

__all__ = ["HEIGHT", "WIDTH", "Chip", "draw_chip"]
