#!/bin/bash
# A kernel of the team's own, with a package from its own index.
set -e
sudo -u ec2-user -i <<'SCRIPT'
set -e
conda create --yes --quiet --name houses
source activate houses
pip install --quiet --index-url ${index} tiny-houses
SCRIPT
