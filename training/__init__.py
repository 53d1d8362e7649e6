"""Makes rubrics, pairs and judges in batch, and trains policies with rubric rewards."""
