"""The page: all that knows Gradio, and nothing else does."""
