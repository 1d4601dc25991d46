"""The style of the page: system fonts, light and dark, colours that differ also for the colour-blind."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--line:#8884;--dim:#888;--bad:#d32f2f;--warn:#b26a00}
body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1200px;padding:0 1em}
h1{font-size:1.4em;overflow-wrap:anywhere}h2{font-size:1.1em;margin-top:2em}h3{font-size:1em}
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1em}dt{color:var(--dim)}
dd{margin:0;overflow-wrap:anywhere}
.hint{color:var(--dim)}.note{border-left:3px solid var(--warn);padding-left:.7em}
.bad{color:var(--bad)}.warn b{color:var(--warn)}.log.bad{color:inherit}.log.bad b{color:var(--bad)}
.row{display:grid;grid-template-columns:minmax(12em,38%) 1fr 6em;gap:.7em;align-items:center;padding:1px 0}
summary.row{cursor:pointer}summary.row:hover{background:var(--line)}.folded{color:var(--dim)}
.name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.took{text-align:right;font-variant-numeric:tabular-nums}
.row svg{width:100%;height:12px}
table{border-collapse:collapse;margin:.3em 0 .8em 2em}
th,td{text-align:left;padding:1px .8em;vertical-align:top;
overflow-wrap:anywhere;border-bottom:1px solid var(--line)}th{font-weight:normal;color:var(--dim)}
table.metrics{margin-left:0}td{font-variant-numeric:tabular-nums;white-space:pre-wrap}
.log{margin:0;font:12px/1.4 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.plots{display:flex;flex-wrap:wrap;gap:1em}figure{margin:0}figcaption{color:var(--dim)}
.plot{width:360px;height:130px}.plot text{fill:var(--dim)}
polyline{stroke-width:1.5;stroke-linecap:round}.axis{stroke:var(--dim);stroke-width:1}
.mark{stroke:var(--bad);stroke-dasharray:3 3}.line{stroke-width:2}
.c0{color:#0072b2}.c1{color:#d55e00}.c2{color:#009e73}.c3{color:#cc79a7}
.c4{color:#8a6d00}.c5{color:#56b4e9}.c6{color:#7b5cd6}.c7{color:#6b6b6b}
"""
