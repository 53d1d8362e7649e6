"""The vocabulary, the arithmetic of a score, the judges, the rubric writer and the scenario reader."""
