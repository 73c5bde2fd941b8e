"""Helpers of the end-to-end tests: the server as a process, clients for it, and the peers that it talks to."""
