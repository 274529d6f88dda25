"""Cases by file: each module here has `CASES`, and a new module joins the table by being here."""

import importlib
import pkgutil

from benchmarks.compute_less.case import Case


def all_cases() -> list[Case]:
    """Return the cases of all modules, in the order of their names."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return [case for module in modules for case in module.CASES]


def case_named(name: str) -> Case:
    """Return a case. Raises KeyError, with those that there are."""
    cases = {case.name: case for case in all_cases()}
    if name not in cases:
        raise KeyError(f"no case {name}; there are {', '.join(cases)}")
    return cases[name]
