"""`tuningfork rank`: compare base models on any site, over its API, with a token."""

import json
from pathlib import Path

import click

from app.commands.jobs import EXIT_CODES, Api, Json, follow, text_of, url_option


@click.command()
@click.argument("request_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--wait", is_flag=True, help="Follow the ranking until it has ended and print it.")
@click.option("--json", "as_json", is_flag=True, help="With --wait: print JSON, not a table.")
@url_option
def rank(request_file: Path, url: str, *, wait: bool, as_json: bool) -> None:
    """Compare the base models of REQUEST_FILE on its data and print the number of the job.

    The token comes from TUNINGFORK_TOKEN or HF_TOKEN.
    """
    api = Api(url)
    ranking = api.queue("/rankings", {"request": text_of(request_file)})
    click.echo(f"{api.url}{ranking['url']}", err=True)
    if not wait:
        click.echo(ranking["id"])
        return
    state = follow(api, ranking["id"])["state"]
    ranking = api.ranking(ranking["id"])
    click.echo(json.dumps(ranking, indent=2) if as_json else _table(ranking))
    raise SystemExit(EXIT_CODES.get(state, 1))


def _table(ranking: Json) -> str:
    lines = [
        f"{_share(item['probe'])}  {item['rank_low']}-{item['rank_high']}  {item['repo']}"
        for item in ranking["candidates"]
        if item["probe"]
    ]
    if ranking["agreement"] is not None:
        lines.append(f"agreement of the measures {ranking['agreement']:.2f}")
    return "\n".join(lines)


def _share(probe: Json) -> str:
    return f"{probe['value']:6.1%} ({probe['low']:.1%} to {probe['high']:.1%})"
