"""Access control: rules as text, what several policies grant together, and the texts of a refusal.

Pure functions of their arguments: who holds which token is the server's business (``server/acl``).
"""

from pyconsul.acl.authorizer import Authorizer, Base, allow_all, deny_all, manage_all
from pyconsul.acl.levels import Access, Decision
from pyconsul.acl.rules import PolicyRules, RulesError, parse_rules

__all__ = [
    "Access",
    "Authorizer",
    "Base",
    "Decision",
    "PolicyRules",
    "RulesError",
    "allow_all",
    "deny_all",
    "manage_all",
    "parse_rules",
]
