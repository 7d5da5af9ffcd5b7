"""End-to-end networks, one module per architecture."""
