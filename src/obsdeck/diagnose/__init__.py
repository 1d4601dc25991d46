"""Which hop is broken: the path of telemetry, asked hop by hop, then walked by a canary."""
