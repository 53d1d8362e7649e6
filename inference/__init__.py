"""Model servers and the embedder: the one door to a language model. Knows nothing of health."""
