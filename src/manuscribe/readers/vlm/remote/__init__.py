"""Vision-language models behind an endpoint that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp and others."""
