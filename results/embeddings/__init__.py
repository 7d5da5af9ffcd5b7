"""What can be seen in embeddings: projections, clusters, suspect labels."""
