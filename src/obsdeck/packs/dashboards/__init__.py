"""Packs -> Grafana dashboards, as the classic JSON that every Grafana loads from files.

Written as the JSON that it is, and held to Grafana's own schemas by the tests: the types of its SDK say less
than the schemas do, and five of their defaults hide something (legend, last value, log details, links, ids).
"""
