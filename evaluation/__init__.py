"""Measures answers by benchmarks' own rules. So far: the arithmetic."""
