"""Tokens for a new script, given to a checkpoint before its first stage.

- `vocabulary`: how a tokenizer's tokens are spelt
- `extending`: tokenizers with more tokens, or one for each character
- `exchange`: which old tokens each new one comes from
- `embeddings`: the rows that new tokens begin with
- `account`: what is kept and what is new, for people
- `checkpoint`: the recipe's section, and the checkpoint that comes out
"""
