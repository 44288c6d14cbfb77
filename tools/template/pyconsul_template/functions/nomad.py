"""Data from Nomad."""

from __future__ import annotations

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.gofmt import sprint
from pyconsul.lang.gotemplate.values import Map, Slice, Value
from pyconsul_template.dependencies import nomad as queries
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.functions.registry import function


@function("nomadServices", "...string", context=True)
def nomad_services(run: Execution, *words: str) -> Slice:
    """All services with their tags."""
    value = run.ask(queries.ServicesQuery.parse("".join(words)))
    return Slice("[]*dependency.NomadServicesSnippet", is_nil=True) if value is ABSENT else value


def _service_query(words: tuple[Value, ...]) -> queries.ServiceQuery:
    if len(words) not in (1, 3):
        raise FunctionError("expected arguments <service> or <count> <key> <service>")
    if len(words) == 3:
        if type(words[0]) is not int:
            raise FunctionError("expected integer for <count> argument")
        if not isinstance(words[1], str):
            raise FunctionError("expected string for <key> argument")
    if not isinstance(words[-1], str):
        raise FunctionError("expected string for <service> argument")
    return queries.ServiceQuery.parse(words[-1], f"{words[0]}|{words[1]}" if len(words) == 3 else "")


@function("nomadService", "...any", context=True)
def nomad_service(run: Execution, *words: Value) -> Slice:
    """The registrations of a service, or a stable choice of some of them."""
    value = run.ask(_service_query(words))
    return Slice("[]*dependency.NomadService", is_nil=True) if value is ABSENT else value


@function("nomadVar", "string", context=True)
def nomad_var(run: Execution, path: str) -> Map:
    """The items of a variable; waits for it to exist."""
    value = run.ask(queries.VariableQuery.parse(path, run.nomad_namespace, wait=True)) if path else None
    return queries.NomadVarItems(None) if value is ABSENT or value is None else value


@function("nomadVarExists", "string", context=True)
def nomad_var_exists(run: Execution, path: str) -> bool:
    """Whether the variable exists."""
    if not path:
        return False
    value = run.ask(queries.VariableQuery.parse(path, run.nomad_namespace))
    return value is not ABSENT and value is not None


def _variables(run: Execution, words: tuple[str, ...], *, empty_is_answer: bool) -> Slice:
    if len(words) > 1:
        head = 'nomadVarList takes either a single "prefix" parameter or none for all available variables'
        raise FunctionError(f"{head}; got: {sprint([list(words)])}")
    query = queries.VariablesQuery.parse("".join(words), run.nomad_namespace)
    value = run.ask(query)
    found: Slice = Slice("[]*dependency.NomadVarMeta") if value is ABSENT else value
    if not found and not empty_is_answer:
        run.miss(query)
    return found


@function("nomadVarList", "...string", context=True)
def nomad_var_list(run: Execution, *words: str) -> Slice:
    """The variables below a prefix."""
    return _variables(run, words, empty_is_answer=True)


@function("nomadVarListSafe", "...string", context=True)
def nomad_var_list_safe(run: Execution, *words: str) -> Slice:
    """As nomadVarList, but waits while there are none."""
    return _variables(run, words, empty_is_answer=False)
