"""One function per AWS operation: write down what is wanted, and answer. One room per service."""
