"""One module per tab: handlers, then ``build(page)``."""
