"""``ocrdigit app``."""

from __future__ import annotations

import click


@click.command(short_help="Start the web page and open it in the browser.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port to serve."
)
@click.option(
    "--host",
    default="localhost",
    show_default=True,
    help="Address to serve; 0.0.0.0 allows access from the network.",
)
@click.option("--headless", is_flag=True, help="Do not open a browser.")
def app(port: int, host: str, headless: bool) -> None:
    """Start the web page that reads digits and open it in the browser.

    The page accepts uploads, drawings, camera photos and pasted images. No data leave this
    machine. Ctrl-C stops the server.
    """
    import importlib.util

    if importlib.util.find_spec("streamlit") is None:
        raise click.ClickException("the web page needs streamlit: pip install 'ocrdigit[app]'")
    from streamlit.web.cli import main as streamlit

    from .._warm_up import warm_up
    from ..app import PAGE

    warm_up()  # so that the first visitor does not wait
    options = {
        "server.port": port,
        "server.address": host,
        "server.headless": str(headless).lower(),
        "server.maxUploadSize": 20,
        "server.fileWatcherType": "none",  # it would scan all modules after each run
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "theme.light.primaryColor": "#1d5fad",
        "theme.dark.primaryColor": "#8ab4f8",
    }
    streamlit(["run", PAGE, *(f"--{name}={value}" for name, value in options.items())])
