"""The recipe of training: what train.py, experiment.py and finetune.py share. plugin/train/README.md says which file does what."""
