"""Images in, embeddings out: datasets, splits, preprocessing, backbones, the extractor and its store."""
