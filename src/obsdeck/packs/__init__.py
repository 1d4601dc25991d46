"""Packs: what is observed, declared once; dashboards, rules, SLOs, links and runbooks follow from it."""
