"""The front door: the command line, the settings, and how the parts are put together."""
