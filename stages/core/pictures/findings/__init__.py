"""What the stages found: all that a picture, its description or the report's page can show; a file for each task."""

from stages.core.pictures.findings.findings import Findings, has, numbers

__all__ = ["Findings", "has", "numbers"]
