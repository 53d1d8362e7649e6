"""The vocabulary, the arithmetic of a score, the judges, the rubric writer, the scenario reader."""
