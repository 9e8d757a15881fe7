"""Graphs of scalars: how they are drawn, and what they compute, from Python's own reading of the assignments."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from tests.oracles.random_networks.plan import Form, Plan


def expression(plan: Plan, names: list[str], depth: int) -> str:
    """A formula that neither overflows nor leaves the domain of a function."""
    draw = plan.draw
    if depth == 0 or draw.chance(0.15):
        return f"{draw.real(0.2, 2.0, 1):g}" if draw.chance(0.15) and depth else draw.among(*names)

    def part() -> str:
        return expression(plan, names, depth - 1)

    positive = f"({draw.among(*names)}**2 + {draw.real(0.3, 1.5, 1):g})"
    match draw.below(16):
        case 0 | 1:
            return f"({part()} + {part()})"
        case 2:
            return f"({part()} - {draw.real(0.3, 0.9, 1):g}*{part()})"
        case 3 | 4 | 5:
            return f"({part()})*({part()})"
        case 6:
            return f"({part()}) / {positive}"
        case 7:
            return f"-({part()})"
        case 8:
            return f"tanh({part()})**{draw.between(2, 4)}"
        case 9:
            return f"{positive}**{draw.among('-1', '0.5', '1.5', '-0.5', '-2')}"
        case 10:
            return f"{draw.among('log', 'sqrt')}({positive})"
        case 11:
            return f"exp({draw.among('tanh', 'sin', 'sigmoid')}({part()}))"
        case 12:
            # Two values that are the same for sure have no larger one.
            return f"max({draw.among(*names)}, {draw.real(0.3, 0.9, 2):g}*sin({part()}) + {draw.real(0.03, 0.2, 3):g})"
        case _:
            return f"{draw.among('sin', 'cos', 'tanh', 'sigmoid', 'relu', 'abs')}({part()})"


def graph(plan: Plan, x: str) -> str | None:
    """A graph of scalars that reads a row, or none where there are no inputs."""
    draw, form = plan.draw, plan.forms.get(x, plan.form)
    if form.steps or len(form.shape) > 1 or form.size > 8:
        return None
    # Names of layers begin with k, so these are free; every graph of a network has its own.
    letter = "pqruvz"[sum(table.get("kind") == "graph" for table in plan.layers) % 6]
    dot = "" if not x[-1:].isdigit() else "."
    read = [f"{x}{dot}{unit + 1}" for unit in range(form.size)]
    values = {f"{letter}{other}": draw.real(-1.5, 1.5, 2) for other in "abc"[: draw.between(0 if read else 1, 3)]}
    names, lines, made = [*read, *values], [], []
    for other in "mnopq"[: draw.between(1, 5)]:
        name = f"{letter}{other}"
        text = expression(plan, names, draw.between(1, 3))
        if not any(one in text for one in names):
            text = f"{text} + {draw.among(*names)}"
        lines.append(f"{name} = {text}")
        names.append(name)
        made.append(name)
        if draw.chance(0.25):
            lines.append(f"{name} {draw.among('+', '-', '*')}= {expression(plan, names, 1)}")
    outputs = draw.shuffled(made)[: draw.between(1, len(made))] if draw.chance(0.6) else None
    used = {one for one in names if any(one in line.split("=", 1)[1] for line in lines)}
    frozen = [name for name in values if draw.chance(0.1)]
    # A graph reads only what it names: no layer above by itself.
    made_form = Form(() if outputs is None else (len(outputs),))
    name = plan.add("graph", ["-"], made_form, values=values or None, frozen=frozen or None, assign=lines)
    plan.read.discard("-")
    table = plan.table(name)
    del table["inputs"]
    if used & set(read):
        table["inputs"] = [x]
        plan.read.add(x)
    table |= {"gates": draw.chance(0.5)} if draw.chance(0.5) else {}
    table |= {"outputs": outputs} if outputs is not None else {}
    return name


def computed(
    run: Any, table: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]], stack: Callable[[list[Any]], Any]
) -> Any:
    """The values of a graph, each (batch,), by Python's precedence of operators.

    Args:
        run: the forward pass, of PyTorch or of JAX.
        table: the layer.
        functions: the functions by name.
        stack: single values as a row.
    """
    known: dict[str, Any] = {}
    for name in table["inputs"]:
        value = run.values[name]
        if value.ndim == 1:
            value = value[:, None]
        known |= {f"{name}{unit + 1}": value[:, unit] for unit in range(value.shape[1])}
    ones = run.ones
    for name in table.get("values", {}):
        known[name] = run.parameters[name] * ones
    versions: dict[str, int] = {}

    def value_of(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=number):
                return number
            case ast.Name(id=name):
                return known[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value_of(operand)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return value_of(left) ** value_of(right)
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](value_of(left), value_of(right))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return functions[name](*(value_of(argument) * ones for argument in arguments))
        raise AssertionError(ast.dump(node))

    for line in table["assign"]:
        statement = ast.parse(line).body[0]
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=node):
                value = value_of(node)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=node):
                value = _OPERATORS[type(op)](known[name], value_of(node))
            case _:
                raise AssertionError(line)
        versions[name] = versions.get(name, 0) + 1
        label = name if versions[name] == 1 else f"{name}.{versions[name]}"
        known[name] = run.note(label, value * ones)
    if "outputs" not in table:
        return known[name]
    return run.keep("out", table, stack([known[name] for name in table["outputs"]]))


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
}
