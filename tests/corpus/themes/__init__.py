"""Hard cases, one function each: what can go wrong is in its name. Each is a routine of the world (world.py)."""
from .registry import THEMES
from . import nested, processes, talks, tasks, turns

__all__ = ["THEMES", "nested", "processes", "talks", "tasks", "turns"]
