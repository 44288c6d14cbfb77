"""HIL, the small language of ``${…}`` in prepared query templates: text with expressions in it.

``parse`` makes a tree, ``evaluate`` fills it from variables and functions. Errors carry HashiCorp's sentences and
positions, since operators read them.
"""

from pyconsul.lang.hil.evaluate import Function, Scope, evaluate
from pyconsul.lang.hil.nodes import HilError, Kind, Node
from pyconsul.lang.hil.parser import parse

__all__ = ["Function", "HilError", "Kind", "Node", "Scope", "evaluate", "parse"]
