"""Embeddings on disk: collections of immutable Parquet parts."""

from features.store.store import EmbeddingCollection, EmbeddingKey, EmbeddingStore, open_store

__all__ = ["EmbeddingCollection", "EmbeddingKey", "EmbeddingStore", "open_store"]
