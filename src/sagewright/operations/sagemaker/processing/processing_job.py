"""Processing jobs."""

from __future__ import annotations

from typing import Final

from sagewright.operations.sagemaker.job import Job, job_exists, no_such_job
from sagewright.operations.sagemaker.noun import Noun

NOUN: Final = Noun("ProcessingJob", "processing-job", no_such_job(), job_exists("processing job"))
operations = Job(NOUN, "processing job").operations()
