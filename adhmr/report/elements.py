"""What pages of reports are made of."""

from __future__ import annotations

import html

import numpy as np

from adhmr.figures import Figure
from hmr.rendering.overlay import data_uri

STYLE = """
:root{color-scheme:light}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1100px;padding:1.2rem;color:#1c2430;background:#fbfbfa}
h1{font-size:1.7rem;margin:.2em 0}h2{font-size:1.25rem;margin:2.2em 0 .4em;border-top:1px solid #dde;padding-top:1em}
p{max-width:70ch}.note{color:#566}.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.86rem;margin:.6em 0;min-width:100%}
th,td{padding:.28em .6em;text-align:right;white-space:nowrap;border-bottom:1px solid #e6e6ea}
th:first-child,td:first-child{text-align:left}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem}dd{margin:0}
dt{color:#566}
tr.us{background:#e9f5ee}small{color:#678;font-size:.82em}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:.6rem}
figure{margin:0}figure img{width:100%;display:block;border-radius:4px}figcaption{font-size:.78rem;color:#456;line-height:1.3}
.row{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:.4rem;margin:.4rem 0}
.three{grid-template-columns:repeat(3,minmax(0,1fr));align-items:start}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:1rem}svg.plot{width:100%;height:auto;max-width:640px}
@media(max-width:600px){body{padding:.7rem;font-size:15px}.row figcaption{font-size:.64rem}}
"""


def page(title: str, body: str) -> str:
    """A whole page that needs nothing else. body: HTML."""
    return f"""<!doctype html><html lang=en><meta charset=utf-8>
<meta name=viewport content="width=device-width,initial-scale=1">
<title>{html.escape(title)}</title><style>{STYLE}</style>
{body}
</html>"""


def cell(value: Figure, digits: int = 0) -> str:
    return f"{value['value']:.{digits}f} <small>[{value['low']:.{digits}f}, {value['high']:.{digits}f}]</small>"


def table(head: list[str], rows: list[tuple[str, list[str]]], highlight: str = "") -> str:
    """name and cells (HTML) of each row."""
    header = "".join(f"<th>{html.escape(h)}</th>" for h in head)
    body = "".join(
        f"<tr{' class=us' if name == highlight else ''}><td>{html.escape(name.replace('_', ' '))}</td>"
        + "".join(f"<td>{content}</td>" for content in cells)
        + "</tr>"
        for name, cells in rows
    )
    return f"<div class=scroll><table><tr>{header}</tr>{body}</table></div>"


def figure(picture: np.ndarray, caption: str) -> str:
    """A picture (h, w, 3) uint8 inside the page."""
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="{data_uri(picture)}"><figcaption>{text}</figcaption></figure>'
