"""DARTS: cells of candidate operations, and the networks that stack them."""
