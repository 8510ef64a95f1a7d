"""DeepSeek-OCR (v1), which transformers has no class for, with the published checkpoint's own names.

Source: DeepSeek-OCR: Contexts Optical Compression (arXiv 2510.18234).
"""
