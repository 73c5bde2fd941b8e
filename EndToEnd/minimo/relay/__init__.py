"""A mail server that does on purpose what real ones do by accident, and remembers everything."""

from .relay import Relay
from .script import Drop, Features, Go, Reply, Rule, Stage, Stall, Wait
from .session import Attempt, Delivery

__all__ = [
    "Attempt", "Delivery", "Drop", "Features", "Go", "Relay", "Reply", "Rule", "Stage", "Stall", "Wait",
]
