"""Distils principles from many rubrics."""
