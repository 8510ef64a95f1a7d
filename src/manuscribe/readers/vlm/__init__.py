"""Vision-language models: words, lines, paragraphs or pages, read from an image and a prompt."""
