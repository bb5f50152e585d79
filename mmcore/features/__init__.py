"""Arrays in, arrays out: no files, no models, no Gradio. One module per modality."""
