"""The agent's cache of RPC answers (``?cached``, Cache-Control): ``wire/blocking.md`` section 4."""

from pyconsul.agent.cache.cache import AgentCache, CacheMeta
from pyconsul.agent.cache.kinds import CacheKind

__all__ = ["AgentCache", "CacheKind", "CacheMeta"]
