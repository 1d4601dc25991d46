"""What all models share: nothing unknown is accepted, and nothing changes once it is read."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Model(BaseModel):
    """A part of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
"""Words for people; one or more lines, never empty."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._-]*$", max_length=255)]
"""A name as OpenTelemetry has them: letters, digits, dots, underscores, dashes."""
