"""Read-only HTTP clients of the servers of the stack: one module per server, one function per question.

They ask and translate the answer; what an answer means is judged by those who call. Every call has
a deadline and a bound on the size of the answer, and goes to the given address directly: a proxy
that the environment names is never asked for a server on this machine.
"""
