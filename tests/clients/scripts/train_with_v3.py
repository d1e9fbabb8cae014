"""A program with SDK v3: trains on a local file and shows the log, for which the SDK needs the program's logging."""

import logging
import sys

from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode

image, source_dir, data = sys.argv[1:]
logging.basicConfig(level=logging.INFO)
trainer = ModelTrainer(
    training_image=image,
    source_code=SourceCode(source_dir=source_dir, entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"n-estimators": 20},
)
trainer.train([InputData(channel_name="train", data_source=data)], wait=True, logs=True)
