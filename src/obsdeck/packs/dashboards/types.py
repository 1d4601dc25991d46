"""Grafana's panel types: plugin, options, size. What its defaults hide is switched on here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_LEGEND = {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}
_SHORT_LEGEND = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
_TOOLTIP = {"mode": "multi", "sort": "desc"}


@dataclass(frozen=True)
class Type:
    """One way to show something.

    Attributes:
        plugin: Grafana's name of it.
        width: Of 24 columns.
        height: In units of 30 pixels.
        options: The panel's options.
        custom: Of each field.
    """

    plugin: str
    width: int
    height: int
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)


_TABLE = Type(
    "table",
    24,
    9,
    {"showHeader": True, "cellHeight": "sm", "frameIndex": 0, "showTypeIcons": False},
    {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": True},
)

TYPES: Mapping[str, Type] = {
    "timeseries": Type(
        "timeseries",
        12,
        8,
        {"legend": _LEGEND, "tooltip": _TOOLTIP},
        {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 10,
            "showPoints": "auto",
            "pointSize": 4,
            # A gap is a gap: no line is drawn through what was not measured.
            "spanNulls": False,
        },
    ),
    "stat": Type(
        "stat",
        4,
        4,
        {
            "reduceOptions": _LAST,
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "textMode": "auto",
            "orientation": "auto",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
        },
    ),
    "gauge": Type(
        "gauge",
        6,
        6,
        {
            "reduceOptions": _LAST,
            "showThresholdLabels": False,
            "showThresholdMarkers": True,
            "orientation": "auto",
            "sizing": "auto",
            "minVizWidth": 75,
            "minVizHeight": 75,
        },
    ),
    "bargauge": Type(
        "bargauge",
        12,
        8,
        {
            "reduceOptions": _LAST,
            "displayMode": "gradient",
            "valueMode": "color",
            "namePlacement": "auto",
            "showUnfilled": True,
            "orientation": "horizontal",
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 16,
            "maxVizHeight": 300,
            "legend": {**_SHORT_LEGEND, "showLegend": False},
        },
    ),
    "table": _TABLE,
    "heatmap": Type(
        "heatmap",
        24,
        9,
        {
            "calculate": False,
            "color": {
                "mode": "scheme",
                "scheme": "Oranges",
                "scale": "exponential",
                "exponent": 0.5,
                "steps": 64,
                "fill": "dark-orange",
                "reverse": False,
            },
            "cellGap": 1,
            "exemplars": {"color": "rgba(255,0,255,0.9)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": True},
            "yAxis": {"axisPlacement": "left", "reverse": False},
        },
        {
            "hideFrom": {"legend": False, "tooltip": False, "viz": False},
            "scaleDistribution": {"type": "linear"},
        },
    ),
    "piechart": Type(
        "piechart",
        8,
        8,
        {
            "reduceOptions": _LAST,
            "pieType": "donut",
            "displayLabels": ["percent"],
            "legend": {**_SHORT_LEGEND, "placement": "right", "values": ["value"]},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    ),
    "status": Type(
        "state-timeline",
        24,
        8,
        {
            "showValue": "auto",
            "rowHeight": 0.9,
            "mergeValues": True,
            "alignValue": "left",
            "legend": _SHORT_LEGEND,
            "tooltip": {"mode": "single", "sort": "none"},
        },
        {"lineWidth": 0, "fillOpacity": 70},
    ),
    "logs": Type(
        "logs",
        24,
        10,
        {
            "showTime": True,
            "wrapLogMessage": True,
            # Without details there is no link from a line to its trace.
            "enableLogDetails": True,
            "prettifyLogMessage": False,
            "showLabels": False,
            "showCommonLabels": False,
            "showLogContextToggle": True,
            "sortOrder": "Descending",
            "dedupStrategy": "none",
        },
    ),
    "traces": _TABLE,
    "exemplars": _TABLE,
    "trace": Type("traces", 24, 14),
    "graph": Type("nodeGraph", 24, 12),
    "text": Type("text", 24, 4),
}
