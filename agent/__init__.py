"""The agent: draft, critique, revise."""
