"""Answers of the views as people read them in a terminal: trees and tables."""

from typing import Any, Final

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from infra.cli.output import Words

TREE_NODES_MAX: Final = 80
STATUSES: Final = {
    "admitted": "准入",
    "quarantined": "隔离",
    "rejected": "拒绝",
    "withdrawn": "撤回",
    "identified": "已标识",
}
_STATUS_STYLES: Final = {"admitted": "green", "quarantined": "yellow", "rejected": "red", "withdrawn": "dim"}


def lineage_trees(found: dict[str, Any], words: Words) -> list[Tree]:
    """Return what an object comes from and what comes from it, each as a tree; what recurs is told once.

    At most TREE_NODES_MAX nodes each; how many are left out is said.
    """
    nodes = {node["id"]: node for node in found["nodes"]}
    up: dict[str, list[tuple[str, str]]] = {}
    down: dict[str, list[tuple[str, str]]] = {}
    for edge in found["edges"]:
        up.setdefault(edge["child"], []).append((edge["relation"], edge["parent"]))
        down.setdefault(edge["parent"], []).append((edge["relation"], edge["child"]))
    above = words(f"由来：{found['above']} 件", f"comes from {found['above']}")
    below = words(f"去向：{found['below']} 件", f"{found['below']} come from it")
    return [
        _tree(title, found["id"], nodes, edges, words)
        for title, edges, count in ((above, up, found["above"]), (below, down, found["below"]))
        if count or title is above
    ]


def _tree(title: str, focus: str, nodes: dict[str, Any], edges: dict[str, list[tuple[str, str]]], words: Words) -> Tree:
    tree = Tree(Text.assemble((title, "bold"), "  ", _label(nodes[focus], "")))
    shown = {focus}
    waiting = [(tree, focus)]
    left_out = 0
    while waiting:
        branch, identifier = waiting.pop(0)
        for relation, other in sorted(edges.get(identifier, ())):
            if other in shown:
                branch.add(Text.assemble(_label(nodes[other], relation), (words("（见上）", " (above)"), "dim")))
            elif len(shown) >= TREE_NODES_MAX:
                left_out += 1
            else:
                shown.add(other)
                waiting.append((branch.add(_label(nodes[other], relation)), other))
    if left_out:
        tree.add(Text(words(f"…… 另有 {left_out} 条边未画", f"... and {left_out} more edges, not drawn"), "dim"))
    return tree


def _label(node: dict[str, Any], relation: str) -> Text:
    text = Text()
    if relation:
        text.append(f"{relation} ", "cyan" if relation != "found_derivation" else "magenta")
    text.append(f"{node['kind']} ")
    text.append(node["id"], "bold")
    text.append(f"  {node['status']}", _STATUS_STYLES.get(node["status"], ""))
    return text


def _said(status: str, words: Words) -> Text:
    return Text(words(STATUSES.get(status, status), status), _STATUS_STYLES.get(status, ""))


def status_tables(found: dict[str, Any], words: Words) -> list[Table]:
    """Return two tables: what was submitted by status, and the traceable set by element and level."""
    total = found["submitted"]
    statuses = Table(title=words(f"提交 {total} 件", f"{total} submitted"), title_justify="left")
    for name in (words("状态", "status"), words("件", "objects"), "%"):
        statuses.add_column(name, justify="left" if name != "%" else "right")
    for name, count in found["by_status"].items():
        statuses.add_row(_said(name, words), str(count), _share(count, total))
    statuses.add_row(words("可追溯集完备", "complete"), str(found["complete"]), _share(found["complete"], total))
    statuses.add_row(words("全部核验", "verified"), str(found["verified"]), _share(found["verified"], total))
    columns = ("verified", "attested", "declared", "too_low", "missing", "not_asked")
    elements = Table(title=words("最小可追溯集", "minimum traceable set"), title_justify="left")
    elements.add_column(words("要素", "element"))
    for name in columns:
        elements.add_column(name, justify="right")
    for row in found["elements"]:
        elements.add_row(row["element"], *(str(row.get(name, 0) or "–") for name in columns))
    return [statuses, elements]


def _share(count: int, total: int) -> str:
    """Return a share; of nothing there is none."""
    return "–" if not total else f"{100 * count / total:.1f}"
