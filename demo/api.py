"""The HTTP API (and MCP tools): the page's activities as typed functions, with the command line's fields."""


def add(studio):
    pass
