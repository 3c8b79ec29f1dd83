"""Draw docs/event-path.svg, the way of one event; `python -m docs.build` calls it."""

from html import escape

BOXES = (
    # x, y, width, title, Chinese title, lines
    (20, 30, 176, "a file at the gate", "素材入口", ("a still, a mesh, a timeline", "with or without a sidecar")),
    (226, 30, 176, "decide", "裁决", ("identifier first, then the", "minimum traceable set")),
    (432, 30, 176, "encode once", "只编码一次", ("one Avro byte string:", "the entry")),
    (638, 30, 196, "append", "追加", ("dense index + leaf hash,", "one PostgreSQL row")),
    (638, 200, 196, "seal", "封存", ("tiles, Merkle root, signed", "checkpoint, <= 0.6 s")),
    (432, 200, 176, "static tree", "静态证据树", ("tlog/: files that any", "tlog-tiles client reads")),
    (226, 200, 176, "proof", "存在证明", (".tlog-proof + policy:", "checked offline")),
    (20, 200, 176, "anyone", "任何人", ("auditor, court, partner;", "needs no server of ours")),
)
ARROWS = ((196, 85, 226, 85), (402, 85, 432, 85), (608, 85, 638, 85), (736, 140, 736, 200),
          (638, 255, 608, 255), (432, 255, 402, 255), (226, 255, 196, 255))  # fmt: skip
TONES = {"encode once": "#8a5a12", "append": "#8a5a12", "seal": "#14532d", "static tree": "#14532d", "proof": "#14532d"}


def draw() -> str:
    """Return the picture as SVG text, 860 x 350 units; the colours hold on white and on dark pages."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 350" role="img" '
        'aria-label="The way of one event: file, decide, encode once, append, seal, static tree, proof, anyone" '
        "font-family=\"Helvetica, Arial, 'Noto Sans CJK SC', 'PingFang SC', sans-serif\">",
        '<rect width="860" height="350" rx="10" fill="#fbf9f4"/>',
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L10 5L0 10z" fill="#444"/></marker></defs>',
    ]
    for x, y, width, title, chinese, lines in BOXES:
        tone = TONES.get(title, "#333")
        parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="110" rx="8" fill="#fff" stroke="{tone}" '
                     'stroke-width="1.6"/>')  # fmt: skip
        parts.append(f'<text x="{x + 14}" y="{y + 28}" font-size="16" font-weight="bold" fill="{tone}">'
                     f"{escape(title)}</text>")  # fmt: skip
        parts.append(f'<text x="{x + 14}" y="{y + 48}" font-size="13" fill="{tone}">{escape(chinese)}</text>')
        for number, line in enumerate(lines):
            parts.append(f'<text x="{x + 14}" y="{y + 72 + 19 * number}" font-size="12.5" fill="#333">'
                         f"{escape(line)}</text>")  # fmt: skip
    for x1, y1, x2, y2 in ARROWS:
        parts.append(f'<line x1="{x1 + 2}" y1="{y1}" x2="{x2 - 2}" y2="{y2}" stroke="#444" stroke-width="1.6" '
                     'marker-end="url(#tip)"/>' if y1 == y2 and x2 > x1 else
                     f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#444" stroke-width="1.6" '
                     'marker-end="url(#tip)"/>')  # fmt: skip
    parts.append('<text x="20" y="336" font-size="12" fill="#555">The same bytes are the row, the leaf, the file in a '
                 "bundle. Nothing is ever encoded twice.</text>")  # fmt: skip
    parts.append("</svg>\n")
    return "\n".join(parts)
