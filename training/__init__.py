"""Training with rubric rewards through the same tools. So far: the reward."""
