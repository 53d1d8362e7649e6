"""The principles, and search over them."""
