"""Reclaims the Spot instances of a training job: what AWS does unasked, and here who holds the root key."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Services
from sagewright.resources import tries
from sagewright.resources.record import Key, Record
from sagewright.resources.training_job import KIND

_HAS_INSTANCES: Final = ("Downloading", "DownloadingTrainingImage", "Training", "Restarting")


def interrupt(services: Services, account: str, region: str, name: str, warning: float) -> Record:
    """Write down that a job's instances end in `warning` seconds; its controller does the rest. Asked again before
    they have ended, they only end earlier.

    Raises AwsError with what stands against it.
    """
    if not 0 <= warning <= 3600:
        raise validation_error(f"The warning must be between 0 and 3600 seconds, not {warning:g}.")
    now = services.clock.now()

    def interrupted(record: Record) -> Record:
        if not tries.is_spot(record):
            raise validation_error(
                f"Training job {name} does not run on Spot instances, which alone are reclaimed: create it with "
                "EnableManagedSpotTraining."
            )
        said = record.status["SecondaryStatus"]
        if record.state != "InProgress" or said not in _HAS_INSTANCES:
            raise validation_error(
                f"Training job {name} has no instances that could be reclaimed: its status is {record.state} ({said})."
            )
        return replace(tries.interrupted(record, now=now, warning=warning), modified=now)

    record = services.store.amend(Key(account, region, KIND, "", name), interrupted)
    if record is None:
        raise AwsError("ResourceNotFound", f"There is no training job {name} in {region}.", status=404)
    return record
