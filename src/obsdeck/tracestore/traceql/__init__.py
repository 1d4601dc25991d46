"""TraceQL: the part of Tempo's query language that this store answers.

A query goes through ``parse`` (text -> ``syntax``), ``check`` (types), ``candidates`` (SQL that finds the
traces worth a look) and ``evaluate`` (which spans of such a trace match, exactly).
"""
