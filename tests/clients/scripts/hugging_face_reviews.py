"""A small BERT, from a configuration and a vocabulary of its own, learns to tell good reviews from bad ones.

reviews.csv holds the last sixty words of 160 reviews of Pang and Lee's movie reviews (polarity dataset 2.0).
"""

import argparse
import collections
import csv
import os

import numpy as np
import torch
import transformers
from datasets import Dataset
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, Trainer, TrainingArguments

LABELS = ["negative", "positive"]


def read(folder):
    with open(os.path.join(folder, "reviews.csv"), newline="") as file:
        return [(row["text"], LABELS.index(row["label"])) for row in csv.DictReader(file)]


def tokenizer_for(texts, folder):
    """One token for each of the most frequent words."""
    words = collections.Counter(word for text in texts for word in text.lower().split())
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    path = os.path.join(folder, "vocab.txt")
    with open(path, "w") as file:
        file.write("\n".join([*special, *(word for word, _ in words.most_common(2000))]) + "\n")
    return BertTokenizerFast(path) if transformers.__version__ < "5" else BertTokenizerFast(vocab=path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    parser.add_argument("--model_dir", default=os.environ["SM_MODEL_DIR"])
    args, _ = parser.parse_known_args()

    torch.set_num_threads(1)  # the model is too small for more
    transformers.set_seed(0)
    rows = read(args.train)
    tokenizer = tokenizer_for([text for text, _ in rows], "/tmp")
    encoded = tokenizer([text for text, _ in rows], truncation=True, padding=True, max_length=64)
    data = Dataset.from_dict({**encoded, "labels": [label for _, label in rows]})

    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.1,
        hidden_dropout_prob=0.0,
        id2label=dict(enumerate(LABELS)),
        label2id={name: number for number, name in enumerate(LABELS)},
    )
    model = BertForSequenceClassification(config)
    every = "evaluation_strategy" if transformers.__version__ < "4.46" else "eval_strategy"
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            "/tmp/out",
            num_train_epochs=args.epochs,
            learning_rate=5e-3,
            per_device_train_batch_size=16,
            per_device_eval_batch_size=160,
            dataloader_pin_memory=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **{every: "epoch"},
        ),
        train_dataset=data,
        eval_dataset=data,
        compute_metrics=lambda given: {"accuracy": float((given[0].argmax(-1) == given[1]).mean())},
    )
    trainer.train()
    print(f"accuracy={np.round(trainer.evaluate()['eval_accuracy'], 3)};")
    trainer.save_model(args.model_dir)
    tokenizer.save_pretrained(args.model_dir)
