"""Questions about pictures: one linear layer between a frozen encoder and a frozen language model."""
